/** The signed server over stdio, in the legacy era. */
import { StdioServerTransport } from '@modelcontextprotocol/server/stdio'
import { signedServer } from './signed-server.ts'

await signedServer().connect(new StdioServerTransport())
