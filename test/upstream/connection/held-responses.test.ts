import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { TransitBytes } from '../../../src/domain/concurrency/transit-bytes.ts'
import { DirectRequests } from '../../../src/upstream/connection/direct-requests.ts'
import { CookieJar } from '../../../src/upstream/fetch/cookie-jar.ts'
import { DirectPost } from '../../../src/upstream/fetch/direct-post.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { listen } from '../../support/upstreams/sample-http.ts'

const closing: (() => unknown)[] = []
let clock: FakeClock
let transit: TransitBytes
let requests: DirectRequests

beforeEach(async () => {
  clock = new FakeClock()
  transit = new TransitBytes({ limit: 100_000, clock })
  const upstream = await listen((_request, response) => startLarge(response))
  const url = new URL(upstream.url)
  const cookies = new CookieJar({ url, now: () => clock.now() })
  requests = new DirectRequests({
    channel: {
      post: new DirectPost({ url, headers: {}, via: undefined, cookies, maxBytes: 1_000_000, transit }),
      transport: {},
      streams: { hasIds: false },
    },
    era: 'modern',
    protocolVersion: '2026-07-28',
    clientInfo: { name: 'tool-gateway', version: '0' },
    clock,
    onMessage: () => undefined,
  })
  closing.push(
    () => upstream.close(),
    () => requests.close(),
  )
})

afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close()
})

function startLarge(response: ServerResponse): void {
  response.writeHead(200, { 'content-type': 'application/json' }).write(Buffer.alloc(300_000, ' '))
}

function failureOfCall(timeoutMs: number): Promise<unknown> {
  const asked = { method: 'tools/call', params: { name: 'echo' }, client: undefined, headers: undefined }
  return requests
    .send({ ...asked, id: requests.nextId(), timeoutMs, signal: undefined })
    .catch((error: unknown) => error)
}

test('a call that times out while the gateway holds its response is not the fault of its server', async () => {
  const oldest = failureOfCall(9000)
  await eventually(() => transit.isHigh)
  const held = failureOfCall(700)
  // A timer for both timeouts, and one because a response is held.
  await eventually(() => clock.pending === 2)
  await clock.advance(700)
  expect(await held).toMatchObject({
    code: 'overloaded',
    message: 'Large results that clients have not read leave no memory for the response',
    facts: { mayHaveExecuted: true, retryAfterMs: 1000 },
  })
  await clock.advance(9000)
  expect(await oldest).toMatchObject({ code: 'REQUEST_TIMEOUT' })
})
