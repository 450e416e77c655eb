/** The asking server over stdio. Arguments: the era it speaks, and `eager` if it asks as soon as it is opened. */
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { askingServer, askingState } from './asking-server.ts'

const isLegacy = process.argv[2] === 'legacy'
const state = askingState((server, uri) => void server.sendResourceUpdated({ uri }), {
  asksAtOnce: process.argv[3] === 'eager',
})
if (isLegacy) await askingServer(state).connect(new StdioServerTransport())
else serveStdio(() => askingServer(state), { legacy: 'reject' })
