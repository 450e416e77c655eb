/** The chatty server over stdio. Arguments: the era it speaks, and where it reports to. */
import type { JSONRPCMessage, JSONRPCRequest, Server } from '@modelcontextprotocol/server'
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { chattyServer, chattyState, ListenReports } from './chatty-server.ts'

const [, , era, reports = ''] = process.argv
const transport = new StdioServerTransport()
if (era === 'legacy') {
  await chattyServer(chattyState(reports), 'legacy').connect(transport)
} else {
  let server: Server | undefined
  const state = chattyState(reports, (uri, params) => void server?.sendResourceUpdated({ ...params, uri }))
  serveStdio(() => (server = chattyServer(state, 'modern')), { legacy: 'reject', transport })
  const listens = new ListenReports(reports)
  const receive = transport.onmessage
  const pass = async (message: JSONRPCMessage): Promise<void> => {
    const { id, method, params } = message as Partial<JSONRPCRequest>
    await listens.begin(id, message)
    if (method === 'notifications/cancelled') await listens.end(params?.['requestId'])
    receive?.(message)
  }
  transport.onmessage = (message) => void pass(message)
}
