import { afterEach, expect, test } from '@jest/globals'
import { definitionOf } from '../../support/server-definitions.ts'
import { rawLegacy } from '../../support/upstreams/raw-http.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'
import { Connecting } from './connecting.ts'

const OPTIONS = { timeoutMs: 5000, signal: new AbortController().signal }
const connecting = new Connecting()
let upstream: HttpUpstream | undefined

afterEach(async () => {
  await connecting.closeAll()
  await upstream?.close()
})

test('results that take much memory as values arrive one in each turn, also if they came together', async () => {
  const rows = `[${'{},'.repeat(20_000)}{}]`
  const held: (() => void)[] = []
  upstream = await listen((request, response) =>
    rawLegacy(request, response, (_response, id) => {
      response.setHeader('content-type', 'application/json')
      const result = `{"content":[],"structuredContent":{"rows":${rows}}}`
      held.push(() => response.end(`{"jsonrpc":"2.0","id":${String(id)},"result":${result}}`))
      if (held.length === 5) for (const answer of held) answer()
    }),
  )
  const { connection } = await connecting.open(
    definitionOf({ transport: 'streamable-http', url: upstream.url, era: 'legacy' }),
  )
  const call = (): unknown => connection.requestRaw?.('tools/call', { name: 'x' }, OPTIONS)
  expect(await turnsOfFive(call)).toBe(5)
  expect(held.length).toBe(5)
})

test('large results that the SDK reads arrive one in each turn, also if they came together', async () => {
  const held: (() => void)[] = []
  upstream = await listen((request, response) =>
    rawLegacy(request, response, (_response, id) => {
      response.writeHead(200, { 'content-type': 'application/json' })
      const result = `{"content":[{"type":"text","text":"${'x'.repeat(300_000)}"}]}`
      const answer = `{"jsonrpc":"2.0","id":${String(id)},"result":${result}}`
      response.write(answer.slice(0, 290_000))
      held.push(() => response.end(answer.slice(290_000)))
      if (held.length === 5) for (const end of held) end()
    }),
  )
  const { connection } = await connecting.open(
    definitionOf({ transport: 'streamable-http', url: upstream.url, era: 'legacy' }),
    { connect: connecting.connector({ maxMessageBytes: 1_000_000 }) },
  )
  expect(await turnsOfFive(() => connection.request('tools/call', { name: 'x' }, OPTIONS))).toBe(5)
  expect(held.length).toBe(5)
})

/** In how many turns of the event loop five calls have their results. */
async function turnsOfFive(call: () => unknown): Promise<number> {
  let turn = 0
  const nextTurn = (): void => {
    turn += 1
    immediate = setImmediate(nextTurn)
  }
  let immediate = setImmediate(nextTurn)
  const answered = async (): Promise<number> => {
    await call()
    return turn
  }
  const turns = await Promise.all([answered(), answered(), answered(), answered(), answered()])
  clearImmediate(immediate)
  return new Set(turns).size
}
