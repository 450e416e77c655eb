import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { createGzip } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { TransitBytes } from '../../../src/domain/concurrency/transit-bytes.ts'
import type { DirectPost } from '../../../src/upstream/fetch/direct-post.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { ended, EVENTS, JSON_TYPE, Posting, type Reported, send } from '../../support/posting.ts'

const MB = 1_000_000
/** More than the system and the gateway take of a response that is held. */
const LARGE = 20 * MB
const PIECE = Buffer.alloc(MB, 'x')

let posting: Posting
let clock: FakeClock
let transit: TransitBytes
let unread: number
let post: DirectPost
/** What the server answers with, in the order of the requests. */
let responses: ServerResponse[]

beforeEach(async () => {
  posting = new Posting()
  clock = new FakeClock()
  transit = new TransitBytes({ limit: 2 * MB, clock })
  unread = 0
  transit.measureBy(() => unread)
  responses = []
  post = await open()
})

afterEach(() => posting.close())

async function open(): Promise<DirectPost> {
  const opened = await posting.open((_request, response) => void responses.push(response), {
    maxBytes: LARGE + MB,
    transit,
  })
  return opened.post
}

/** Sends a request, and waits until it is the server's turn. */
async function ask(by: DirectPost = post): Promise<{ sent: Reported; response: ServerResponse }> {
  const before = responses.length
  const sent = send(by)
  await eventually(() => responses.length > before)
  const response = responses.at(-1)
  if (response === undefined) throw new Error('there is no request')
  return { sent, response }
}

/** Sends as much of a body as the gateway takes; the promise is that of its end. */
async function pour(response: ServerResponse, bytes: number, headers = JSON_TYPE): Promise<void> {
  if (!response.headersSent) response.writeHead(200, headers)
  const closed = once(response, 'close')
  for (let left = bytes; left > 0 && !response.closed; left -= PIECE.length)
    if (!response.write(PIECE.subarray(0, left))) await Promise.race([once(response, 'drain'), closed])
}

/** Two responses of which only the first, which is small so far, goes on. */
async function oldestAndHeld(): Promise<{ oldest: Awaited<ReturnType<typeof ask>>; held: Poured }> {
  const oldest = await ask()
  await pour(oldest.response, 2.5 * MB)
  await eventually(() => transit.isHigh)
  return { oldest, held: await poured() }
}

type Poured = Awaited<ReturnType<typeof ask>> & { isDone: boolean }

/** One whose server has a large body for it. */
async function poured(by?: DirectPost): Promise<Poured> {
  const asked = await ask(by)
  const state = { ...asked, isDone: false }
  void (async () => {
    await pour(asked.response, LARGE)
    state.isDone = true
    asked.response.end()
  })()
  return state
}

/** Lets everything be received that can be. */
async function settled(): Promise<void> {
  const small = await ask()
  small.response.writeHead(200, JSON_TYPE).end('{}')
  await ended(small.sent)
  for (let turn = 0; turn < 200; turn += 1) await new Promise((resolve) => setImmediate(resolve))
}

/** Waits while time passes. */
async function completes({ sent }: { sent: Reported }, bytes = LARGE): Promise<void> {
  await eventually(async () => {
    await clock.advance(25)
    return sent.ends.length > 0
  })
  expect(sent.ends).toEqual([undefined])
  expect(sent.messages.map(({ length }) => length)).toEqual([bytes])
}

/** Whether everything that was counted is counted no more. */
async function isEmpty(): Promise<boolean> {
  await clock.advance(50)
  transit.receive(2 * MB)
  const { isHigh } = transit
  transit.receive(-2 * MB)
  return !isHigh && clock.pending === 0
}

describe('while too much is in transit', () => {
  test('only the oldest large result of a server is received, and then the next one', async () => {
    const { oldest, held } = await oldestAndHeld()
    const last = await poured()
    await settled()
    expect([held.isDone, last.isDone]).toEqual([false, false])
    await pour(oldest.response, 3 * MB)
    oldest.response.end()
    await completes(oldest, 5.5 * MB)
    await completes(held)
    await completes(last)
    expect(await isEmpty()).toBe(true)
  })

  test('small results are received', async () => {
    await oldestAndHeld()
    const small = await ask()
    small.response.writeHead(200, JSON_TYPE).end('x'.repeat(200_000))
    expect(await ended(small.sent)).toBeUndefined()
  })

  test('another server has its oldest one received, too', async () => {
    await oldestAndHeld()
    const other = await poured(await open())
    expect(await ended(other.sent)).toBeUndefined()
  })

  test.each<[string, (oldest: Awaited<ReturnType<typeof ask>>) => unknown]>([
    ['is ended by its caller', ({ sent }) => sent.end()],
    ['breaks', ({ response }) => response.destroy()],
    ['is too large', ({ response }) => pour(response, LARGE)],
  ])('the next one is received when the oldest %s', async (_how, end) => {
    const { oldest, held } = await oldestAndHeld()
    await settled()
    expect(held.isDone).toBe(false)
    void end(oldest)
    expect(await ended(held.sent)).toBeUndefined()
    expect(await isEmpty()).toBe(true)
  })

  test('nothing stays behind of results that end while they are held', async () => {
    const { oldest, held } = await oldestAndHeld()
    const broken = await poured()
    await settled()
    held.sent.end()
    broken.response.destroy()
    broken.sent.end()
    oldest.sent.end()
    expect(await isEmpty()).toBe(true)
  })

  test('nothing stays behind of a connection that is closed', async () => {
    const { oldest, held } = await oldestAndHeld()
    await settled()
    post.close()
    await Promise.all([ended(oldest.sent), ended(held.sent)])
    expect(await isEmpty()).toBe(true)
  })
})

test('results that are held are received when clients have read enough', async () => {
  transit.receive(3 * MB)
  const oldest = await ask()
  await pour(oldest.response, MB)
  const held = await poured()
  await settled()
  expect(held.isDone).toBe(false)
  transit.receive(-3 * MB)
  await clock.advance(25)
  // It is held again when it has taken the room, until the oldest is over.
  oldest.sent.end()
  await completes(held)
})

test('even the oldest one waits while clients leave too much unread, and goes on when they have read', async () => {
  unread = 100 * MB
  const first = await ask()
  first.response.writeHead(200, JSON_TYPE).end(PIECE)
  await completes(first, MB)
  await clock.advance(25)
  const next = await ask()
  next.response.writeHead(200, JSON_TYPE).end(PIECE)
  await ended(next.sent)
  const waiting = await poured()
  await settled()
  expect(waiting.isDone).toBe(false)
  unread = 0
  await clock.advance(50)
  await completes(waiting)
})

describe('of an event stream', () => {
  test('an event that has not ended is counted, and nothing of those that have', async () => {
    const { sent, response } = await ask()
    response.writeHead(200, EVENTS).write('data: ')
    await pour(response, 2.5 * MB)
    await eventually(() => transit.isHigh)
    response.write('\n\ndata: small\n\n')
    await eventually(() => sent.messages.length === 2)
    expect(await isEmpty()).toBe(true)
    response.end()
    expect(await ended(sent)).toBeUndefined()
  })

  test('an event that is held arrives whole, and so do those behind it', async () => {
    const { oldest } = await oldestAndHeld()
    const { sent, response } = await ask()
    response.writeHead(200, EVENTS).write('data: ')
    let isDone = false
    const flow = async (): Promise<void> => {
      await pour(response, LARGE)
      isDone = true
      response.end(`\n\n${'data: small\n\n'.repeat(5000)}`)
    }
    void flow()
    await settled()
    expect(isDone).toBe(false)
    oldest.sent.end()
    await eventually(async () => {
      await clock.advance(25)
      return sent.ends.length > 0
    })
    expect(sent.messages.length).toBe(5001)
    expect(sent.messages[0]?.length).toBe(LARGE)
  })
})

test('of a compressed result the bytes count that it is decoded to, and it is held likewise', async () => {
  const { oldest } = await oldestAndHeld()
  const { sent, response } = await ask()
  response.writeHead(200, { ...JSON_TYPE, 'content-encoding': 'gzip' })
  const gzip = createGzip()
  gzip.pipe(response)
  for (let left = LARGE; left > 0; left -= MB) gzip.write(PIECE)
  gzip.end()
  await settled()
  expect(sent.ends).toEqual([])
  oldest.sent.end()
  await completes({ sent })
  expect(await isEmpty()).toBe(true)
})
