/** The chatty server over stdio. Arguments: the era it speaks, and where it reports to. */
import type { Server } from '@modelcontextprotocol/server'
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { chattyServer, chattyState } from './chatty-server.ts'

const [, , era, reports = ''] = process.argv
if (era === 'legacy') {
  await chattyServer(chattyState(reports), 'legacy').connect(new StdioServerTransport())
} else {
  let server: Server | undefined
  const state = chattyState(reports, (uri) => void server?.sendResourceUpdated({ uri }))
  serveStdio(() => (server = chattyServer(state, 'modern')), { legacy: 'reject' })
}
