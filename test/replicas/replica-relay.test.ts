import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { ReplicaMail } from '../../src/replicas/replica-mail.ts'
import { type AnswerWriter, ReplicaRelay, type ServeRequest } from '../../src/replicas/replica-relay.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryDocuments } from '../support/memory-documents.ts'
import { silentLogger as logger } from '../support/silent-logger.ts'

const KEYS = { current: Buffer.alloc(32, 1) }
const NEVER = new AbortController().signal

let clock: FakeClock
let store: MemoryDocuments
let relays: ReplicaRelay[]
let news: JsonObject[]

beforeEach(() => {
  clock = new FakeClock()
  store = new MemoryDocuments()
  relays = []
  news = []
})

afterEach(async () => {
  for (const relay of relays) await relay.close()
})

function start(self: string, serve: ServeRequest = () => undefined, keys = KEYS, own = clock): ReplicaRelay {
  const mail = new ReplicaMail({ self, store, clock: own, random: () => 0.5, logger })
  const relay = new ReplicaRelay({ mail, keys, clock: own, logger })
  relay.serve('test', serve)
  relay.start((told) => news.push({ to: self, ...told }))
  relays.push(relay)
  return relay
}

/** Asks, and reads the answer as a list of what came. */
async function ask(from: ReplicaRelay, to: string, request: JsonObject, signal = NEVER): Promise<unknown[]> {
  const heard: unknown[] = []
  const reader = {
    onHead: (status: number) => void heard.push(status),
    onText: (text: string) => void heard.push(text),
  }
  await from.ask(to, { transport: 'test', ...request }, reader, signal)
  return heard
}

/** What a replica writes that is not there any more a moment later. */
function announce(replica: string): Promise<unknown> {
  const expireAt = new Date(clock.now() + 100_000).toISOString()
  return store.set(`gateway_replicas/${replica}`, { kind: 'gateway', expireAt })
}

const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 30; turn += 1) await Promise.resolve()
}

test('a request reaches the replica that it is for, and its answer comes back in order', async () => {
  const one = start('1')
  start('2', ({ question }, answer) => {
    answer.head(200, {})
    for (const part of ['a', 'b', String(question)]) answer.text(part)
    answer.end()
  })
  start('3', () => {
    throw new Error('not for this one')
  })
  expect(await ask(one, '2', { question: 'c' })).toEqual([200, 'a', 'b', 'c'])
})

test('a message larger than a document arrives whole', async () => {
  const one = start('1')
  start('2', ({ question }, answer) => {
    answer.head(200, {})
    answer.text(String(String(question).length))
    answer.end()
  })
  expect(await ask(one, '2', { question: 'x'.repeat(3_000_000) })).toEqual([200, '3000000'])
})

test('nothing that a message says can be read in the store, and nothing is left there', async () => {
  const one = start('1')
  start('2', (_request, answer) => answer.end())
  const written: string[] = []
  const set = store.set.bind(store)
  store.set = (path, value) => {
    written.push(JSON.stringify(value))
    return set(path, value)
  }
  await ask(one, '2', { question: 'secret-question' })
  expect(written.length).toBeGreaterThan(0)
  expect(written.join()).not.toContain('secret-question')
  await settled()
  expect(store.ids('gateway_replicas/2/mail')).toEqual([])
})

test('a replica that never announced itself, or has ended, is told of at once', async () => {
  const one = start('1')
  const two = start('2')
  await two.close()
  await expect(ask(one, '2', {})).rejects.toMatchObject({ code: 'replica_unavailable' })
  await expect(ask(one, '9', {})).rejects.toMatchObject({ code: 'replica_unavailable' })
})

test('a replica that announces itself and does not answer has twenty seconds, and is told of then', async () => {
  const one = start('1')
  let answerTo: AnswerWriter | undefined
  start('2', (_request, answer) => (answerTo = answer))
  const first = ask(one, '2', {})
  await settled()
  for (let seconds = 0; seconds < 15; seconds += 1) await clock.advance(1000)
  answerTo?.head(200, {})
  answerTo?.end()
  expect(await first).toEqual([200])
  const second = ask(one, '2', {}).catch((error: unknown) => error)
  await settled()
  for (let seconds = 0; seconds < 22; seconds += 1) await clock.advance(1000)
  expect(await second).toMatchObject({ code: 'replica_unavailable' })
  expect(await one.isPresent('2')).toBe(true)
})

test('a replica that does not announce itself either is told of after five seconds, and at once from then on', async () => {
  const one = start('1')
  await announce('9')
  const first = ask(one, '9', {}).catch((error: unknown) => error)
  await settled()
  await clock.advance(7000)
  expect(await first).toMatchObject({ code: 'replica_unavailable' })
  await expect(ask(one, '9', {})).rejects.toMatchObject({ code: 'replica_unavailable' })
})

test('a replica that ends after it has begun to answer is told of after ten seconds, and one that announces itself is waited for', async () => {
  const one = start('1')
  const begin: ServeRequest = (_request, answer) => answer.head(200, {})
  const two = start('2', begin)
  start('3', begin)
  let isOver = false
  const lost = ask(one, '2', {}).catch((error: unknown) => error)
  const waiting = ask(one, '3', {}).finally(() => (isOver = true))
  await settled()
  await two.close()
  for (let seconds = 0; seconds < 12; seconds += 1) await clock.advance(1000)
  expect(await lost).toMatchObject({ code: 'replica_unavailable', facts: { mayHaveExecuted: true } })
  for (let seconds = 0; seconds < 20; seconds += 1) await clock.advance(1000)
  expect(isOver).toBe(false)
  await one.close()
  await expect(waiting).rejects.toMatchObject({ code: 'shutting_down' })
})

test('an answer that has begun is waited for while the store does not answer', async () => {
  const one = start('1')
  let answerTo: AnswerWriter | undefined
  start('2', (_request, answer) => {
    answerTo = answer
    answer.head(200, {})
  })
  const asked = ask(one, '2', {})
  await settled()
  store.isDown = true
  for (let seconds = 0; seconds < 20; seconds += 1) await clock.advance(1000)
  store.isDown = false
  answerTo?.text('late')
  answerTo?.end()
  expect(await asked).toEqual([200, 'late'])
})

test('a request that was given up ends where it has begun after all', async () => {
  const one = start('1')
  let isAborted = false
  start('2', (_request, _answer, signal) => signal.addEventListener('abort', () => (isAborted = true)))
  const asked = ask(one, '2', {}).catch((error: unknown) => error)
  await settled()
  for (let seconds = 0; seconds < 22; seconds += 1) await clock.advance(1000)
  expect(await asked).toMatchObject({ code: 'replica_unavailable', facts: { mayHaveExecuted: true } })
  await settled()
  expect(isAborted).toBe(true)
})

test('a replica that was taken for ended counts as present as soon as it sends something', async () => {
  const one = start('1')
  await announce('9')
  const first = ask(one, '9', {}).catch((error: unknown) => error)
  await settled()
  await clock.advance(7000)
  expect(await first).toMatchObject({ code: 'replica_unavailable' })
  expect(await one.isPresent('9')).toBe(false)
  const nine = start('9')
  await nine.tell({ late: true }, '1')
  await settled()
  expect(await one.isPresent('9')).toBe(true)
})

test('a replica that did not answer counts as ended until it announces itself again', async () => {
  const one = start('1')
  await announce('9')
  const first = ask(one, '9', {}).catch((error: unknown) => error)
  await settled()
  await clock.advance(7000)
  expect(await first).toMatchObject({ code: 'replica_unavailable' })
  for (const waitMs of [6000, 6000]) {
    await clock.advance(waitMs)
    await expect(ask(one, '9', {})).rejects.toMatchObject({ code: 'replica_unavailable' })
  }
  await announce('9')
  await clock.advance(6000)
  expect(await one.isPresent('9')).toBe(true)
})

test('an error of the other replica is the error here', async () => {
  const { GatewayError } = await import('../../src/domain/errors/errors.ts')
  const one = start('1')
  start('2', (_request, answer) => answer.fail(new GatewayError('session_not_found')))
  await expect(ask(one, '2', {})).rejects.toMatchObject({ code: 'session_not_found' })
})

test('a replica whose clock is ahead refuses requests at once', async () => {
  const one = start('1')
  const ahead = new FakeClock()
  await ahead.advance(20_000)
  let isServed = false
  start('2', () => (isServed = true), KEYS, ahead)
  await expect(ask(one, '2', {})).rejects.toMatchObject({
    code: 'replica_unavailable',
    message: 'The request was under way for too long, by the clock of the replica that holds this',
    facts: {},
  })
  expect(isServed).toBe(false)
})

test('the end of the client ends the work at the other replica', async () => {
  const one = start('1')
  let isAborted = false
  start('2', (_request, answer, signal) => {
    answer.head(200, {})
    signal.addEventListener('abort', () => (isAborted = true))
  })
  const client = new AbortController()
  const asked = ask(one, '2', {}, client.signal)
  await settled()
  client.abort()
  await asked
  await settled()
  expect(isAborted).toBe(true)
})

test('what another key has sealed is not taken', async () => {
  const one = start('1', undefined, { current: Buffer.alloc(32, 9) })
  let isServed = false
  start('2', () => (isServed = true))
  const first = ask(one, '2', {}).catch((error: unknown) => error)
  await settled()
  for (let seconds = 0; seconds < 22; seconds += 1) await clock.advance(1000)
  expect(await first).toMatchObject({ code: 'replica_unavailable' })
  expect(isServed).toBe(false)
})

test('news reach all others', async () => {
  const one = start('1')
  start('2')
  start('3')
  await one.tell({ kind: 'ended' })
  await settled()
  expect(news).toEqual([
    { to: '2', kind: 'ended' },
    { to: '3', kind: 'ended' },
  ])
})
