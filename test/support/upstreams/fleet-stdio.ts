/**
 * The fleet server over stdio. Arguments: its name, then optionally `hangs` (from its first call on nothing is answered)
 * or `crashes` and a file: until that exists the process ends at once.
 */
import { existsSync } from 'node:fs'

const [, , name = '', behaviour, file = ''] = process.argv
if (behaviour === 'crashes' && !existsSync(file)) {
  process.stderr.write('there is no database\n')
  process.exit(1)
}
const { StdioServerTransport } = await import('@modelcontextprotocol/server/stdio')
const { fleetServer } = await import('./fleet-server.ts')

if (behaviour === 'hangs') {
  process.stdin.on('data', (chunk: Buffer) => {
    if (chunk.includes('"tools/call"')) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
  })
}
await fleetServer({ server: name, instance: String(process.pid) }).connect(new StdioServerTransport())
