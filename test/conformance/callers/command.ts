/**
 * What the suite starts as its client, with the address of a server as the last argument: passes the work on. It starts
 * dozens at once, so this is the least that a program can be; `fetch` alone would double what it costs.
 */
import { request } from 'node:http'
import process from 'node:process'

const { CONFORMANCE_CALLERS, MCP_CONFORMANCE_SCENARIO, MCP_CONFORMANCE_CONTEXT = '{}' } = process.env

request(CONFORMANCE_CALLERS ?? '', { method: 'POST' }, (response) => {
  response.pipe(process.stderr)
  if (response.statusCode !== 200) process.exitCode = 1
}).end(
  JSON.stringify({
    name: MCP_CONFORMANCE_SCENARIO,
    url: process.argv.at(-1),
    context: JSON.parse(MCP_CONFORMANCE_CONTEXT) as unknown,
  }),
)
