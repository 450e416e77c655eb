import type { ServerResponse } from 'node:http'
import { afterEach, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { rawLegacy } from '../../support/upstreams/raw-http.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'
import { Connecting } from './connecting.ts'

const connecting = new Connecting()
const upstreams: HttpUpstream[] = []

afterEach(async () => {
  await connecting.closeAll()
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()))
})

interface LongCall {
  readonly clock: FakeClock
  /** What the call comes to. */
  readonly outcome: Promise<unknown>
  /** Reports progress once, and waits until the gateway has heard of it. */
  readonly report: () => Promise<void>
  readonly answer: () => void
}

/** A call with a time of a second, at a server that answers when it is told to. */
async function longCall(maxTotalMs: number | undefined): Promise<LongCall> {
  const clock = new FakeClock()
  const called = Promise.withResolvers<{ response: ServerResponse; id: unknown }>()
  const upstream = await listen((request, response) =>
    rawLegacy(request, response, (held, id) => {
      held.writeHead(200, { 'content-type': 'text/event-stream' })
      called.resolve({ response: held, id })
    }),
  )
  upstreams.push(upstream)
  const definition = definitionOf({ transport: 'streamable-http', url: upstream.url, era: 'legacy' })
  const { connection } = await connecting.open(definition, { connect: connecting.connector({ clock }) })
  let heard = 0
  const onProgress = (): void => void (heard += 1)
  const options = { signal: undefined, timeoutMs: 1000, maxTotalMs, onProgress }
  const outcome = connection
    .request('tools/call', { name: 'x' }, options)
    .catch((error: unknown) => (error as { code: unknown }).code)
  const { response, id } = await called.promise
  const write = (message: JsonObject): void =>
    void response.write(`data: ${JSON.stringify({ jsonrpc: '2.0', ...message })}\n\n`)
  let sent = 0
  return {
    clock,
    outcome,
    report: async () => {
      sent += 1
      write({ method: 'notifications/progress', params: { progressToken: id, progress: sent } })
      await eventually(() => heard === sent)
    },
    answer: () => write({ id, result: { done: true } }),
  }
}

test('a call goes on for as long as its server reports progress in time', async () => {
  const { clock, outcome, report, answer } = await longCall(60_000)
  for (let i = 0; i < 5; i += 1) {
    await clock.advance(900)
    await report()
  }
  answer()
  expect(await outcome).toEqual({ done: true })
})

test('a call ends at its maximum, whatever its server reports', async () => {
  const { clock, outcome, report } = await longCall(1500)
  await clock.advance(900)
  await report()
  await clock.advance(600)
  expect(await outcome).toBe('upstream_timeout')
})

test('a call ends when its server falls silent', async () => {
  const { clock, outcome, report } = await longCall(60_000)
  await clock.advance(900)
  await report()
  await clock.advance(1000)
  expect(await outcome).toBe('upstream_timeout')
})
