/** The server that behaves as `ANSWERS` says, as a process: what it does costs nobody else any time. Prints its URL. */
import { answer, Upstreams } from '../world/upstream.ts'
import { ANSWERS, bomb } from './http-behaviours.ts'

for (const encoding of ['gzip', 'deflate', 'br'] as const) bomb(encoding)
const upstreams = await Upstreams.open()
const url = upstreams.url('evil', (received, response) => {
  const { method, id, params } = received
  if (method === 'tools/list') {
    answer(response, id, {
      tools: Object.keys(ANSWERS).map((name) => ({ name, inputSchema: { type: 'object' } })),
    })
    return true
  }
  if (method !== 'tools/call') return false
  ANSWERS[String(params['name'])]?.(response, received)
  return true
})
process.stdout.write(`${url}\n`)
