import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

const MAIN_CLASS = 'com.google.cloud.datastore.emulator.firestore.CloudFirestore'

/** A Firestore emulator of this test's own. */
export interface FirestoreEmulator {
  /** `127.0.0.1:<port>`, for FIRESTORE_EMULATOR_HOST. */
  readonly host: string
  readonly port: number
  readonly child: ChildProcess
  stop(): Promise<void>
}

let found: { readonly jar: string | undefined } | undefined

/** Path of the emulator: FIRESTORE_EMULATOR_JAR, or that of the gcloud SDK; undefined without it or without Java. */
export function emulatorJar(): string | undefined {
  found ??= { jar: succeeds('java', ['-version']) ? findJar() : undefined }
  return found.jar
}

function findJar(): string | undefined {
  const own = process.env['FIRESTORE_EMULATOR_JAR']
  if (own !== undefined && existsSync(own)) return own
  const places = [
    process.env['CLOUDSDK_ROOT_DIR'],
    '/usr/lib/google-cloud-sdk',
    '/usr/share/google-cloud-sdk',
  ]
  // gcloud is asked last: it takes a second to answer.
  return places.map(jarIn).find((jar) => jar !== undefined) ?? jarIn(sdkRoot())
}

function jarIn(root: string | undefined): string | undefined {
  if (root === undefined) return undefined
  const path = join(root, 'platform/cloud-firestore-emulator/cloud-firestore-emulator.jar')
  return existsSync(path) ? path : undefined
}

/** Starts an emulator and resolves when it answers. Without `rules`, everything is allowed. */
export async function startFirestoreEmulator(
  options: { port?: number; rules?: string } = {},
): Promise<FirestoreEmulator> {
  const jar = emulatorJar()
  if (jar === undefined) throw new Error('there is no Firestore emulator on this machine')
  const port = options.port ?? (await freePort())
  const rules = options.rules === undefined ? [] : ['--rules', options.rules]
  const child = spawn(
    'java',
    ['-cp', jar, MAIN_CLASS, '--host', '127.0.0.1', '--port', String(port), ...rules],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
    },
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
      return await fetch(`http://127.0.0.1:${port}/`).then(
        ({ ok }) => ok,
        () => false,
      )
    },
    { timeoutMs: 30_000, intervalMs: 25, what: 'the Firestore emulator' },
  )
  return {
    host: `127.0.0.1:${port}`,
    port,
    child,
    stop: async () => {
      process.off('exit', killWithUs)
      child.kill('SIGKILL')
      await exited
    },
  }
}

function sdkRoot(): string | undefined {
  try {
    return execFileSync('gcloud', ['info', '--format=value(installation.sdk_root)'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    })
      .toString()
      .trim()
  } catch {
    return undefined
  }
}

function succeeds(command: string, args: string[]): boolean {
  try {
    execFileSync(command, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}
