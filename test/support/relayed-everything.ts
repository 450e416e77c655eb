import { randomUUID } from 'node:crypto'
import { relayedServer } from './stdio-relay.ts'

interface EverythingServer {
  readonly server: {
    connect: (transport: unknown) => Promise<void>
    readonly server: { onclose?: () => void }
  }
  readonly cleanup: (sessionId: string) => void
}

// It has no types.
const program: string = '@modelcontextprotocol/server-everything/dist/server/index.js'
const { createServer } = (await import(program)) as { createServer: () => EverythingServer }

const relayed = await relayedServer((transport) => {
  const { server, cleanup } = createServer()
  // By it the server keeps apart what each client has switched on.
  const sessionId = randomUUID()
  server.server.onclose = () => cleanup(sessionId)
  void server.connect(Object.assign(transport, { sessionId }))
})

/** The reference server with one of everything, as a registry document whose processes are served by this one. */
export const everything = { ...relayed.document, requiredRoles: ['reader'] } as const
