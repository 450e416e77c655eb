import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { firestoreBackend, isCi } from './firestore-backend.ts'
import { clearProject, isAnswering, startFirestoreProcess } from './firestore-process.ts'
import { FirestoreRelay, type RelayTarget } from './firestore-relay.ts'
import { FirestoreStandIn } from './firestore-stand-in/stand-in.ts'

/** A Firestore of this test's own, which begins empty. */
export interface FirestoreEmulator {
  /** `127.0.0.1:<port>`, for FIRESTORE_EMULATOR_HOST. */
  readonly host: string
  readonly port: number
  /** It keeps its connections and answers nothing until `thaw`; then it does what it was asked meanwhile. */
  freeze(): void
  /** Idempotent. */
  thaw(): void
  /** Deletes all documents of a project. */
  clear(projectId: string): Promise<void>
  /** Breaks all connections and throws the documents away. Idempotent. */
  stop(): Promise<void>
}

type Backoff = { delayExecution: (run: () => void, delayMs: number) => NodeJS.Timeout }
const require = createRequire(import.meta.url)
const backoff = require(join(dirname(require.resolve('@google-cloud/firestore')), 'backoff.js')) as Backoff
// A client that is closed while it waits for its next try waits on, and would keep the worker for up to a minute.
backoff.delayExecution = (run, delayMs) => setTimeout(run, delayMs).unref()

/** Requests carry the names of what they are about in plain text. */
const PROJECT = /projects\/([a-z0-9-]+)\/databases\//g

/** Every port that this process has ever given to a Firestore: it stays its own, so that one can come back there. */
const relays = new Map<number, FirestoreRelay>()

/** A port of this process at which there is no Firestore yet: connections break. */
export async function reservePort(): Promise<number> {
  const relay = await FirestoreRelay.open()
  relays.set(relay.port, relay)
  return relay.port
}

/**
 * Starts a Firestore and resolves when it answers: the emulator, or the stand-in where there is none. Without `rules`,
 * everything is allowed.
 * @param options.port one of `reservePort`, or of a Firestore that was stopped; a new one by default
 * @throws Error when there is no emulator and `rules`, or CI, asks for one
 */
export async function startFirestoreEmulator(
  options: { port?: number; rules?: string } = {},
): Promise<FirestoreEmulator> {
  const relay = relays.get(options.port ?? (await reservePort()))
  if (relay === undefined) throw new Error(`port ${options.port} was not reserved`)
  const { target, clear, stop } = await startBackend(options.rules)
  relay.attach(target)
  return {
    host: `127.0.0.1:${relay.port}`,
    port: relay.port,
    freeze: () => relay.freeze(),
    thaw: () => relay.thaw(),
    clear,
    stop: async () => {
      relay.detach()
      await stop()
    },
  }
}

interface Backend {
  readonly target: RelayTarget
  readonly clear: (projectId: string) => Promise<void>
  readonly stop: () => Promise<void>
}

async function startBackend(rules: string | undefined): Promise<Backend> {
  const backend = firestoreBackend()
  switch (backend.kind) {
    case 'own':
      return await startFirestoreProcess({ jar: backend.jar, rules })
    case 'given':
      return await given(backend.host)
    case 'stand-in':
      if (isCi || rules !== undefined)
        throw new Error('this needs the Firestore emulator and Java, which are not here')
      return await standIn()
  }
}

/**
 * A given emulator is shared and stays as it is: an outage is one of the way to it, and each project is emptied when
 * its first request comes by.
 */
async function given(host: string): Promise<Backend> {
  if (!(await isAnswering(host))) throw new Error(`FIRESTORE_EMULATOR_HOST: nothing answers at ${host}`)
  const { hostname, port } = new URL(`http://${host}`)
  const cleared = new Map<string, Promise<void>>()
  const clearOnce = (project: string): Promise<void> => {
    const clearing = cleared.get(project) ?? clearProject(host, project)
    cleared.set(project, clearing)
    return clearing
  }
  return {
    target: {
      host: hostname,
      port: Number(port || 80),
      beforeForward: async (chunk) => {
        for (const [, project = ''] of chunk.toString('latin1').matchAll(PROJECT)) await clearOnce(project)
      },
    },
    clear: (projectId) => clearProject(host, projectId),
    stop: () => Promise.resolve(),
  }
}

async function standIn(): Promise<Backend> {
  if (process.env['JEST_WORKER_ID'] === undefined)
    process.stderr.write('There is no Firestore emulator here: this runs on the stand-in for it\n')
  const started = await FirestoreStandIn.start()
  return {
    target: { host: '127.0.0.1', port: started.port },
    clear: (projectId) => Promise.resolve(started.clear(projectId)),
    stop: () => Promise.resolve(started.stop()),
  }
}
