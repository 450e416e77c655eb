import { afterEach, expect, test } from '@jest/globals'
import { TransitBytes } from '../../../src/domain/concurrency/transit-bytes.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
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

test.each([
  ['beside the SDK', 'requestRaw', {}],
  ['through the SDK', 'request', { maxTotalMs: 700 }],
] as const)(
  'a call %s that times out while the gateway holds its response is not the fault of its server',
  async (_way, request, more) => {
    const clock = new FakeClock()
    const transit = new TransitBytes({ limit: 100_000, clock })
    upstream = await listen((asked, response) =>
      rawLegacy(asked, response, (held) => {
        held.writeHead(200, { 'content-type': 'application/json' }).write(Buffer.alloc(300_000, ' '))
      }),
    )
    const { connection } = await connecting.open(
      definitionOf({ transport: 'streamable-http', url: upstream.url, era: 'legacy' }),
      { connect: connecting.connector({ clock, transit, maxMessageBytes: 1_000_000 }) },
    )
    const failureOfCall = (timeoutMs: number, options = {}): Promise<unknown> | undefined =>
      connection[request]?.('tools/call', { name: 'x' }, { signal: undefined, timeoutMs, ...options }).catch(
        (error: unknown) => error,
      )
    const oldest = failureOfCall(9000, { maxTotalMs: 9000 })
    await eventually(() => transit.isHigh)
    const before = clock.pending
    const held = failureOfCall(700, more)
    // Its timeout, and what measures because a response is held.
    await eventually(() => clock.pending === before + 2)
    await clock.advance(700)
    expect(await held).toMatchObject({
      code: 'overloaded',
      message: 'Large results that clients have not read leave no memory for the response',
      facts: { mayHaveExecuted: true, retryAfterMs: 1000 },
    })
    await clock.advance(9000)
    expect(await oldest).toMatchObject({ code: 'upstream_timeout' })
  },
)
