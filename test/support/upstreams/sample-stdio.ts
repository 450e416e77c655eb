/** The sample server over stdio. First argument: `both` (default), `legacy` or `modern`, the eras it speaks. */
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { sampleServer, sampleState } from './sample-server.ts'

const state = sampleState((server) => void server.sendToolListChanged())
const eras = process.argv[2] ?? 'both'
if (eras === 'legacy') await sampleServer(state).connect(new StdioServerTransport())
else serveStdio(() => sampleServer(state), { legacy: eras === 'modern' ? 'reject' : 'serve' })
