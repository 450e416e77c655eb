import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import type { FetchLike } from '@modelcontextprotocol/client'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { TransitBytes } from '../../../src/domain/concurrency/transit-bytes.ts'
import { Outbound } from '../../../src/outbound/outbound.ts'
import { CookieJar } from '../../../src/upstream/fetch/cookie-jar.ts'
import { EventHeads } from '../../../src/upstream/fetch/event-heads.ts'
import { LargeReplies } from '../../../src/upstream/fetch/large-replies.ts'
import { limitedFetch } from '../../../src/upstream/fetch/limited-fetch.ts'
import { FollowedRequest } from '../../../src/upstream/messages/followed-request.ts'
import { exchanges } from '../../../src/upstream/messages/stream-context.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { EVENTS, JSON_TYPE } from '../../support/posting.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'

const MB = 1_000_000
/** More than the system and the gateway take of a response that is held. */
const LARGE = 20 * MB
const PIECE = Buffer.alloc(MB, 'x')
/** What comes behind a large event, so that the SDK does not keep it until the next one. */
const NOTHING = 'data: {"jsonrpc":"2.0","method":"notifications/tool-gateway/nothing"}\n\n'
const [OPENING, CLOSING] = ['{"text":"', '"}']

let clock: FakeClock
let transit: TransitBytes
let outbound: Outbound
let upstream: HttpUpstream
let fetch: FetchLike
let responses: ServerResponse[]

beforeEach(async () => {
  clock = new FakeClock()
  transit = new TransitBytes({ limit: 2 * MB, clock })
  outbound = new Outbound()
  responses = []
  upstream = await listen((_request, response) => void responses.push(response))
  fetch = limitedFetch({
    outbound,
    maxBytes: LARGE + MB,
    cookies: new CookieJar({ url: new URL(upstream.url), now: () => 0 }),
    answersInPlace: true,
    heads: new EventHeads(),
    large: new LargeReplies(transit),
    onRefused: () => undefined,
    onLeftOut: () => undefined,
    onStream: () => undefined,
    onStreamAnswered: () => undefined,
  })
})

afterEach(async () => {
  await upstream.close()
  await outbound.close()
})

interface Asked {
  readonly request: FollowedRequest
  readonly response: ServerResponse
  readonly abort: AbortController
  /** What is read of the response, or why it cannot be read. */
  readonly text: Promise<unknown>
}

/** Sends a request; its response begins with its head. */
async function ask(headers: Record<string, string> = JSON_TYPE): Promise<Asked> {
  const before = responses.length
  const request = new FollowedRequest({})
  const abort = new AbortController()
  const { signal } = abort
  const given = exchanges.run({ request, isRequest: true }, () =>
    fetch(upstream.url, { method: 'POST', body: '{"jsonrpc":"2.0","id":1,"method":"a"}', signal }),
  )
  await eventually(() => responses.length > before)
  const response = responses.at(-1)
  if (response === undefined) throw new Error('there is no request')
  response.writeHead(200, headers).flushHeaders()
  const text = given.then((got) => got.text()).catch((error: unknown) => error)
  return { request, response, abort, text }
}

/** Sends as much of the text as the gateway takes, and then the end. */
async function pour({ response }: Asked, start = OPENING, end = CLOSING): Promise<void> {
  const closed = once(response, 'close')
  response.write(start)
  for (let left = LARGE; left > 0 && !response.closed; left -= MB)
    if (!response.write(PIECE)) await Promise.race([once(response, 'drain'), closed])
  response.end(end)
}

/** A response that goes on as the oldest one, and another one that is held. */
async function oldestAndHeld(kind: 'body' | 'event'): Promise<{ oldest: Asked; held: Asked }> {
  const oldest = await ask()
  oldest.response.write(OPENING + 'x'.repeat(2.5 * MB))
  await eventually(() => transit.isHigh)
  const held = kind === 'body' ? await ask() : await ask(EVENTS)
  void (kind === 'body' ? pour(held) : pour(held, `data: ${OPENING}`, `${CLOSING}\n\n`))
  await eventually(() => held.request.wasHeld)
  return { oldest, held }
}

/** What is read of a response, while time goes on. */
async function read({ text }: Asked): Promise<unknown> {
  let isOver = false
  void text.then(() => (isOver = true))
  await eventually(async () => {
    await clock.advance(25)
    return isOver
  })
  return text
}

/** Whether everything that was counted is counted no more. */
async function isEmpty(): Promise<boolean> {
  await clock.advance(50)
  transit.receive(2 * MB)
  const { isHigh } = transit
  transit.receive(-2 * MB)
  return !isHigh && clock.pending === 0
}

describe.each(['body', 'event'] as const)(
  'a large %s that the SDK reads, while too much is in transit',
  (kind) => {
    test('waits at its server until the oldest one is over, and arrives whole', async () => {
      const { oldest, held } = await oldestAndHeld(kind)
      expect(held.response.writableFinished).toBe(false)
      oldest.response.end(CLOSING)
      expect(String(await read(oldest)).length).toBe(2.5 * MB + 11)
      const framing = kind === 'body' ? 0 : 8 + NOTHING.length
      expect(String(await read(held)).length).toBe(LARGE + 11 + framing)
      expect(oldest.request.wasHeld).toBe(false)
      expect(await isEmpty()).toBe(true)
    })

    test('is given up where its caller leaves, and leaves nothing behind', async () => {
      const { oldest, held } = await oldestAndHeld(kind)
      held.abort.abort()
      expect(await read(held)).toMatchObject({ name: 'AbortError' })
      oldest.response.end(CLOSING)
      await read(oldest)
      expect(await isEmpty()).toBe(true)
    })

    test('leaves nothing behind where its server breaks off', async () => {
      const { oldest, held } = await oldestAndHeld(kind)
      held.response.destroy()
      oldest.response.destroy()
      expect(await read(held)).toMatchObject({ name: kind === 'body' ? 'TypeError' : 'SocketError' })
      expect(await read(oldest)).toMatchObject({ name: 'TypeError' })
      expect(await isEmpty()).toBe(true)
    })
  },
)

test('small events behind a large one are not counted', async () => {
  const asked = await ask(EVENTS)
  void asked.text
  asked.response.write('data: ')
  asked.response.write(Buffer.alloc(2.5 * MB, 'x'))
  await eventually(() => transit.isHigh)
  asked.response.write('\n\ndata: small\n\n')
  await eventually(() => !transit.isHigh || clock.pending > 0)
  expect(await isEmpty()).toBe(true)
  asked.response.end()
  expect(String(await read(asked))).toContain('data: small')
})
