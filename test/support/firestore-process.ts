import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { eventually } from './eventually.ts'
import type { FirestoreEmulator } from './firestore-emulator.ts'

const MAIN_CLASS = 'com.google.cloud.datastore.emulator.firestore.CloudFirestore'

/** Starts the emulator of a jar and resolves when it answers. */
export async function startFirestoreProcess(options: {
  jar: string
  port: number
  rules: string | undefined
}): Promise<FirestoreEmulator> {
  const { jar, port } = options
  const host = `127.0.0.1:${port}`
  const rules = options.rules === undefined ? [] : ['--rules', options.rules]
  const child = spawn(
    'java',
    ['-cp', jar, MAIN_CLASS, '--host', '127.0.0.1', '--port', String(port), ...rules],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const exited = once(child, 'exit')
  const killWithUs = (): void => void child.kill('SIGKILL')
  process.once('exit', killWithUs)
  await eventually(
    async () => {
      if (child.exitCode !== null) throw new Error(`the emulator ended: ${log}`)
      if (!log.includes('Dev App Server is now running')) return false
      return await isAnswering(host)
    },
    { timeoutMs: 30_000, intervalMs: 25, what: 'the Firestore emulator' },
  )
  await warmUp(host)
  return {
    host,
    port,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    clear: (projectId) => clearProject(host, projectId),
    stop: async () => {
      process.off('exit', killWithUs)
      child.kill('SIGKILL')
      await exited
    },
  }
}

export async function isAnswering(host: string): Promise<boolean> {
  return await fetch(`http://${host}/`).then(
    ({ ok }) => ok,
    () => false,
  )
}

/** Deletes all documents of a project. */
export async function clearProject(host: string, projectId: string): Promise<void> {
  const path = `/emulator/v1/projects/${projectId}/databases/(default)/documents`
  const { ok, status } = await fetch(`http://${host}${path}`, { method: 'DELETE' })
  if (!ok) throw new Error(`the emulator did not delete the documents of ${projectId}: ${status}`)
}

/** The first write of a new emulator takes seconds on a busy machine, longer than calls to Firestore may take. */
async function warmUp(host: string): Promise<void> {
  const documents = `http://${host}/v1/projects/demo-warm-up/databases/(default)/documents`
  const headers = { authorization: 'Bearer owner', 'content-type': 'application/json' }
  const fields = { warm: { booleanValue: true } }
  const written = await fetch(`${documents}/warm`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ fields }),
  })
  const read = await fetch(`${documents}/warm`, { headers })
  if (!written.ok || !read.ok) throw new Error(`the emulator answers ${written.status}, ${read.status}`)
}
