import { afterEach, expect, test } from '@jest/globals'
import { definitionOf } from '../../support/server-definitions.ts'
import { rawLegacy } from '../../support/upstreams/raw-http.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'
import { Connecting } from './connecting.ts'

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
  let inThisTurn = 0
  let most = 0
  const answered = async (): Promise<void> => {
    const signal = new AbortController().signal
    await connection.requestRaw?.('tools/call', { name: 'x' }, { timeoutMs: 5000, signal })
    inThisTurn += 1
    most = Math.max(most, inThisTurn)
    process.nextTick(() => (inThisTurn = 0))
  }
  await Promise.all([answered(), answered(), answered(), answered(), answered()])
  expect([held.length, most]).toEqual([5, 1])
})
