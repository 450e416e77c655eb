import { once } from 'node:events'
import { createServer } from 'node:net'
import { firestoreBackend, isCi } from './firestore-backend.ts'
import { clearProject, isAnswering, startFirestoreProcess } from './firestore-process.ts'
import { FirestoreRelay } from './firestore-relay.ts'
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

/** Requests carry the names of what they are about in plain text. */
const PROJECT = /projects\/([a-z0-9-]+)\/databases\//g

/**
 * Starts a Firestore and resolves when it answers: the emulator, or the stand-in where there is none. Without `rules`,
 * everything is allowed.
 * @throws Error when there is no emulator and `rules`, or CI, asks for one
 */
export async function startFirestoreEmulator(
  options: { port?: number; rules?: string } = {},
): Promise<FirestoreEmulator> {
  const port = options.port ?? (await freePort())
  const backend = firestoreBackend()
  switch (backend.kind) {
    case 'own':
      return await startFirestoreProcess({ jar: backend.jar, port, rules: options.rules })
    case 'given':
      return await relayTo(backend.host, port)
    case 'stand-in':
      if (isCi || options.rules !== undefined)
        throw new Error('this needs the Firestore emulator and Java, which are not here')
      return await startStandIn(port)
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

/**
 * A given emulator is shared and stays as it is: an outage is one of the way to it, and each project is emptied when
 * its first request comes by.
 */
async function relayTo(given: string, port: number): Promise<FirestoreEmulator> {
  if (!(await isAnswering(given))) throw new Error(`FIRESTORE_EMULATOR_HOST: nothing answers at ${given}`)
  const { hostname, port: givenPort } = new URL(`http://${given}`)
  const cleared = new Map<string, Promise<void>>()
  const clearOnce = (project: string): Promise<void> => {
    const clearing = cleared.get(project) ?? clearProject(given, project)
    cleared.set(project, clearing)
    return clearing
  }
  const relay = await FirestoreRelay.start({
    port,
    target: { host: hostname, port: Number(givenPort || 80) },
    beforeForward: async (chunk) => {
      for (const [, project = ''] of chunk.toString('latin1').matchAll(PROJECT)) await clearOnce(project)
    },
  })
  return {
    ...behind(relay),
    clear: (projectId) => clearProject(given, projectId),
    stop: () => relay.stop(),
  }
}

async function startStandIn(port: number): Promise<FirestoreEmulator> {
  if (process.env['JEST_WORKER_ID'] === undefined)
    process.stderr.write('There is no Firestore emulator here: this runs on the stand-in for it\n')
  const standIn = await FirestoreStandIn.start()
  const relay = await FirestoreRelay.start({ port, target: { host: '127.0.0.1', port: standIn.port } })
  return {
    ...behind(relay),
    clear: (projectId) => Promise.resolve(standIn.clear(projectId)),
    stop: async () => {
      await relay.stop()
      standIn.stop()
    },
  }
}

function behind(relay: FirestoreRelay): Pick<FirestoreEmulator, 'host' | 'port' | 'freeze' | 'thaw'> {
  return {
    host: `127.0.0.1:${relay.port}`,
    port: relay.port,
    freeze: () => relay.freeze(),
    thaw: () => relay.thaw(),
  }
}
