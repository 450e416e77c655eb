import { relayedServer } from './stdio-relay.ts'

interface EverythingServer {
  readonly server: {
    connect: (transport: unknown) => Promise<void>
    readonly server: { onclose?: () => void }
  }
  readonly cleanup: () => void
}

// It has no types.
const program: string = '@modelcontextprotocol/server-everything/dist/server/index.js'
const { createServer } = (await import(program)) as { createServer: () => EverythingServer }

const relayed = await relayedServer((transport) => {
  const { server, cleanup } = createServer()
  server.server.onclose = cleanup
  void server.connect(transport)
})

/** The reference server with one of everything, as a registry document whose processes are served by this one. */
export const everything = { ...relayed.document, requiredRoles: ['reader'] } as const
