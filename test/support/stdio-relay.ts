import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'

const RELAY = `
const host = require('node:net').connect({ port: Number(process.argv[1]), host: '127.0.0.1', noDelay: true })
host.on('error', () => undefined).on('close', () => process.exit())
process.stdin.pipe(host).pipe(process.stdout)`

/** A stdio server whose processes pass on what they read and write, each to a server of its own in this process. */
export interface RelayedServer {
  /** How such a process is started, as fields of a server document. */
  readonly document: {
    readonly transport: 'stdio'
    readonly command: string
    readonly args: readonly string[]
  }
  readonly close: () => Promise<void>
}

/**
 * For tests of what goes over the pipes of a process, and of the process: starting one takes a tenth of the time of one
 * that loads a server.
 * @param serve serves one process
 */
export async function relayedServer(
  serve: (transport: StdioServerTransport) => unknown,
): Promise<RelayedServer> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    const transport = new StdioServerTransport(socket, socket)
    socket
      .on('error', () => undefined)
      .on('close', () => {
        sockets.delete(socket)
        // So that the server ends what it has running, as the end of its process would.
        void transport.close()
      })
    void serve(transport)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  server.unref()
  const { port } = server.address() as AddressInfo
  return {
    document: { transport: 'stdio', command: process.execPath, args: ['-e', RELAY, String(port)] },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
