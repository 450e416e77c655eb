import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { endsWithUs } from './ends-with-us.ts'
import { eventually } from './eventually.ts'

const PORT_TAKEN = /address already in use|BindException/i
const MAIN_CLASS = 'com.google.cloud.datastore.emulator.firestore.CloudFirestore'

/** Other processes take free ports too: between finding one and using it, or as the end of a connection of theirs. */
const TRIES = 5
const START_MS = 90_000

/** An emulator in a process of its own. */
export interface FirestoreProcess {
  readonly target: { readonly host: string; readonly port: number }
  readonly clear: (projectId: string) => Promise<void>
  readonly stop: () => Promise<void>
}

/** Starts the emulator of a jar at a free port and resolves when it answers. @throws Error with what it printed */
export async function startFirestoreProcess(options: {
  jar: string
  rules: string | undefined
}): Promise<FirestoreProcess> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await startAt(await freePort(), options)
    } catch (error) {
      if (tries === TRIES || !(error instanceof PortTaken)) throw error
    }
  }
}

class PortTaken extends Error {}

async function startAt(
  port: number,
  { jar, rules: path }: { jar: string; rules: string | undefined },
): Promise<FirestoreProcess> {
  const host = `127.0.0.1:${port}`
  const rules = path === undefined ? [] : ['--rules', path]
  const child = spawn(
    'java',
    [
      '-XX:TieredStopAtLevel=1',
      '-XX:+UseSerialGC',
      '-cp',
      jar,
      MAIN_CLASS,
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      ...rules,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  endsWithUs(child)
  let log = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (log += chunk.toString()))
  const exited = once(child, 'exit')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  try {
    await eventually(
      async () => {
        if (PORT_TAKEN.test(log)) throw new PortTaken(log)
        if (child.exitCode !== null) throw new Error(`the emulator ended: ${log}`)
        return log.includes('Dev App Server is now running') && (await isAnswering(host))
      },
      { timeoutMs: START_MS, intervalMs: 25, what: 'the Firestore emulator' },
    )
    await warmUp(host)
  } catch (error) {
    await stop()
    throw error
  }
  return { target: { host: '127.0.0.1', port }, clear: (projectId) => clearProject(host, projectId), stop }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
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
