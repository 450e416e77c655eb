import { Server, ServerCredentials } from '@grpc/grpc-js'
import { callsOn } from './calls.ts'
import { Database } from './database.ts'
import { firestoreService } from './protocol.ts'

/** More than the largest request that Firestore takes, 10 MiB. */
const MAX_REQUEST_BYTES = 16 * 1024 * 1024

/**
 * A Firestore in this process that speaks the gRPC protocol on a loopback port: for tests where there is no emulator.
 * It has what the gateway uses (documents, queries, transactions, listeners), checks no rules and needs no indexes.
 */
export class FirestoreStandIn {
  readonly port: number
  readonly #server: Server
  readonly #databases: Map<string, Database>

  private constructor(options: { port: number; server: Server; databases: Map<string, Database> }) {
    this.port = options.port
    this.#server = options.server
    this.#databases = options.databases
  }

  /** It begins empty. */
  static async start(): Promise<FirestoreStandIn> {
    const databases = new Map<string, Database>()
    const server = new Server({ 'grpc.max_receive_message_length': MAX_REQUEST_BYTES })
    server.addService(
      firestoreService(),
      callsOn((path) => databaseOf(path, databases)),
    )
    const port = await new Promise<number>((resolve, reject) => {
      server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
        error === null ? resolve(bound) : reject(error),
      )
    })
    return new FirestoreStandIn({ port, server, databases })
  }

  /** Deletes all documents of a project. */
  clear(projectId: string): void {
    for (const [name, database] of this.#databases) {
      if (name.startsWith(`projects/${projectId}/`)) database.clear()
    }
  }

  stop(): void {
    this.#server.forceShutdown()
  }
}

/** The database of a name such as `projects/p/databases/(default)/documents/a/b`. */
function databaseOf(path: string, databases: Map<string, Database>): Database {
  const name = path.split('/').slice(0, 4).join('/')
  const database = databases.get(name) ?? new Database()
  databases.set(name, database)
  return database
}
