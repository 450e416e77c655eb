import { SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client'
import { describe, expect, test } from '@jest/globals'
import { SessionCheck } from '../../../../src/upstream/connection/session/session-check.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

const LATER_MS = 60_000

/** A request, with the id 7, that was answered with an HTTP status. */
function http(status: number, body = ''): SdkHttpError {
  return new SdkHttpError(SdkErrorCode.ClientHttpNotImplemented, 'x', { status, text: body })
}

/** A request that was answered with a JSON-RPC error. */
function rpc(code: number, message = 'no'): Error {
  return Object.assign(new Error(message), { code })
}

function bodyOf(id: unknown, code: number, message = 'no'): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })
}

interface Asked {
  readonly method?: string
  readonly ageMs?: number
  readonly isDoubted?: boolean
  /** The server has answered a `ping` before. */
  readonly hasPing?: boolean
}

/** What becomes of a request that failed thus, where a `ping` fails, or does not, as `pings` say one after the other. */
async function verdictOf(
  failure: unknown,
  pings: readonly unknown[],
  { method = 'tools/call', ageMs = 0, isDoubted = false, hasPing = false }: Asked = {},
): Promise<{ verdict: string; pings: number; doubts: number }> {
  const clock = new FakeClock()
  let count = 0
  let doubts = 0
  const check = new SessionCheck({
    clock,
    isDoubted,
    onDoubtfulLoss: () => (doubts += 1),
    ping: () => {
      const pinged = pings[Math.min(count, pings.length - 1)]
      count += 1
      return Promise.resolve(pinged === undefined ? {} : { failure: pinged, id: 8 })
    },
  })
  await clock.advance(ageMs)
  if (hasPing) check.answered('ping')
  const sentAt = clock.monotonic()
  const verdict = await check.verdict(failure, { method, requestId: 7, sentAt, signal: undefined })
  return { verdict, pings: count, doubts }
}

describe('a refused request whose session answers a ping', () => {
  test.each([
    ['HTTP 400', http(400, 'Bad Request')],
    ['HTTP 404', http(404, 'Not Found')],
    ['HTTP 410', http(410)],
    ['HTTP 413', http(413, 'too large')],
    ['HTTP 400 with "not initialized"', http(400, bodyOf(null, -32_000, 'Server not initialized'))],
    ['-32602', rpc(-32_602, 'Invalid request parameters')],
    ['-32002', rpc(-32_002, 'Server not initialized')],
    ['-32001', rpc(-32_001, 'Session not found')],
  ])('keeps the session: %s', async (_what, failure) => {
    expect(await verdictOf(failure, [undefined])).toEqual({ verdict: 'there', pings: 1, doubts: 0 })
  })

  test('keeps it too when the server only does not know the method ping', async () => {
    expect(await verdictOf(http(400), [rpc(-32_601)])).toMatchObject({ verdict: 'there' })
    expect(await verdictOf(http(400), [http(404, bodyOf(8, -32_601))])).toMatchObject({ verdict: 'there' })
  })

  test('keeps it when the ping says nothing at all', async () => {
    const silence = [new Error('timed out'), http(429), http(503, 'busy'), http(401, 'who are you')]
    for (const ping of silence)
      expect(await verdictOf(http(400), [ping], { hasPing: true })).toMatchObject({ verdict: 'there' })
  })
})

describe('a refused request whose session refuses a ping in the same way', () => {
  test.each([
    ['HTTP 400, empty', http(400), 'unexecuted'],
    ['HTTP 400, text', http(400, 'Bad Request: No valid session ID provided'), 'unexecuted'],
    ['HTTP 410', http(410, '{"error":"session expired"}'), 'unexecuted'],
    ['HTTP 422', http(422, '{}'), 'unexecuted'],
    ['HTTP 401 that names the session', http(401, bodyOf(null, -32_001, 'Session expired')), 'unexecuted'],
    ['HTTP 403 that names the session', http(403, '{"error":"unknown session"}'), 'unexecuted'],
    ['HTTP 400 with its id', http(400, bodyOf(7, -32_000, 'Server not initialized')), 'unexecuted'],
    ['-32002', rpc(-32_002, 'Server not initialized'), 'unexecuted'],
    ['-32602', rpc(-32_602, 'Invalid request parameters'), 'unexecuted'],
    ['-32600', rpc(-32_600, 'Nicht initialisiert'), 'unexecuted'],
    ['-32000', rpc(-32_000, 'Server not initialized'), 'unexecuted'],
    ['HTTP 500 that names the session', http(500, bodyOf(null, -32_603, 'Session terminated')), 'unexecuted'],
    ['-32000 that says nothing', rpc(-32_000, 'failed'), 'gone'],
    ['-32603 that says nothing', rpc(-32_603, 'Internal error'), 'gone'],
    ['HTTP 500 that says nothing', http(500, bodyOf(null, -32_603, 'Internal error')), 'gone'],
  ])('has lost it: %s', async (_what, failure, verdict) => {
    expect(await verdictOf(failure, [failure])).toMatchObject({ verdict, pings: 1 })
    expect(await verdictOf(failure, [failure], { hasPing: true })).toEqual({ verdict, pings: 1, doubts: 0 })
  })

  test('is noted, where it may be how the server refuses every ping', async () => {
    expect(await verdictOf(http(400), [http(400)])).toMatchObject({ doubts: 1 })
    expect(await verdictOf(http(400), [http(400)], { hasPing: true })).toMatchObject({ doubts: 0 })
  })

  test('that failed with words of its own may have run', async () => {
    const ping = rpc(-32_000, 'Server not initialized')
    const verdict = await verdictOf(rpc(-32_000, 'half of it is done'), [ping], { hasPing: true })
    expect(verdict).toMatchObject({ verdict: 'gone' })
  })

  test('is a matter of the request where the server refuses every ping like that', async () => {
    const failure = http(400, 'Bad Request')
    const verdict = await verdictOf(failure, [failure], { isDoubted: true })
    expect(verdict).toMatchObject({ verdict: 'there', doubts: 0 })
  })
})

describe('what is no sign of a lost session, and costs no ping', () => {
  test.each([
    ['a refusal of credentials', http(401, 'who are you')],
    ['a refusal of rights', http(403, bodyOf(null, -32_000, 'Forbidden'))],
    ['too many requests', http(429, 'Session limit')],
    ['an answer to the request', http(400, bodyOf(7, -32_050, 'out of order'))],
    ['an unknown method, by its id', http(404, bodyOf(7, -32_601, 'Method not found'))],
    ['an unknown method, by its id as text', http(404, bodyOf('7', -32_601, 'Method not found'))],
    ['an error of a tool', rpc(-32_050, 'Session not found')],
    ['a gateway in between', http(502, 'Bad Gateway')],
    ['a timeout', new Error('Request timed out')],
  ])('%s', async (_what, failure) => {
    expect(await verdictOf(failure, [http(400)])).toEqual({ verdict: 'there', pings: 0, doubts: 0 })
  })

  test('a refusal when another request was answered since it was sent', async () => {
    const clock = new FakeClock()
    const check = new SessionCheck({
      clock,
      isDoubted: false,
      onDoubtfulLoss: () => undefined,
      ping: () => Promise.reject(new Error('nobody asked for it')),
    })
    const sentAt = clock.monotonic()
    await clock.advance(1)
    check.answered('tools/call')
    const refused = { method: 'tools/call', requestId: 7, sentAt, signal: undefined }
    expect(await check.verdict(http(400), refused)).toBe('there')
  })
})

describe('a session that is gone as the specification has it', () => {
  test('is lost at once', async () => {
    const plain = [http(404), http(404, bodyOf(null, -32_001, 'Session not found'))]
    for (const failure of plain) {
      const verdict = await verdictOf(failure, [undefined], { ageMs: LATER_MS })
      expect(verdict).toEqual({ verdict: 'unexecuted', pings: 0, doubts: 0 })
    }
  })

  test('is asked first about what the server may just not have', async () => {
    const asked = { ageMs: LATER_MS, method: 'resources/list' }
    expect(await verdictOf(http(404), [undefined], asked)).toMatchObject({ verdict: 'there', pings: 1 })
    expect(await verdictOf(http(404), [http(404)], asked)).toMatchObject({ verdict: 'unexecuted', pings: 1 })
  })
})

describe('a refused ping', () => {
  const asked = { method: 'ping', ageMs: LATER_MS }

  test('is a lost session where one was answered before', async () => {
    const refusals = [http(400), rpc(-32_002), rpc(-32_603), http(410), http(404)]
    for (const failure of refusals)
      expect(await verdictOf(failure, [], { ...asked, hasPing: true })).toMatchObject({
        verdict: 'unexecuted',
      })
  })

  test('is none where nobody knows whether the server answers any, but for 404', async () => {
    expect(await verdictOf(http(400), [], asked)).toMatchObject({ verdict: 'there' })
    expect(await verdictOf(rpc(-32_603), [], asked)).toMatchObject({ verdict: 'there' })
    expect(await verdictOf(http(404), [], asked)).toMatchObject({ verdict: 'unexecuted' })
  })
})

test('refusals at the same time are settled by one ping', async () => {
  const pinged = Promise.withResolvers<{ failure: unknown; id: unknown }>()
  let pings = 0
  const check = new SessionCheck({
    clock: new FakeClock(),
    isDoubted: false,
    onDoubtfulLoss: () => undefined,
    ping: () => {
      pings += 1
      return pinged.promise
    },
  })
  const ids = [1, 2, 3, 4, 5]
  const verdicts = ids.map((requestId) =>
    check.verdict(http(400), { method: 'tools/call', requestId, sentAt: 0, signal: undefined }),
  )
  pinged.resolve({ failure: http(400), id: 8 })
  expect(await Promise.all(verdicts)).toEqual(ids.map(() => 'unexecuted'))
  expect(pings).toBe(1)
})

test('a refusal is read as far as its beginning, however long it is', async () => {
  const text = `${'session '.repeat(500_000)}expired`
  const startedAt = performance.now()
  expect(await verdictOf(rpc(-32_001, text), [undefined])).toMatchObject({ verdict: 'there' })
  expect(await verdictOf(http(401, text), [undefined])).toMatchObject({ verdict: 'there' })
  expect(performance.now() - startedAt).toBeLessThan(20_000)
})
