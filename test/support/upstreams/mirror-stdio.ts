/** The mirror server over stdio. First argument: the era it speaks. */
import { serveStdio, StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { mirrorServer } from './mirror-server.ts'

if (process.argv[2] === 'legacy') await mirrorServer().connect(new StdioServerTransport())
else serveStdio(() => mirrorServer(), { legacy: 'reject' })
