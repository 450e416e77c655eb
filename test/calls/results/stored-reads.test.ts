import { randomBytes } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Read } from '../../../src/calls/results/stored-reads.ts'
import { StoredResults } from '../../../src/calls/results/stored-results.ts'
import { TransitBytes } from '../../../src/domain/concurrency/transit-bytes.ts'
import type { Principal } from '../../../src/domain/principal.ts'
import { SqliteStateStore } from '../../../src/state/sqlite/sqlite-state-store.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { principal } from '../../support/offers.ts'
import { silentLogger as logger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const HOUR = 3_600_000
const NEVER = new AbortController().signal
const ALICE = principal()
const BOB = principal({ tenantId: 'globex', subject: 'bob' })
const root = await temporaryDirectory()

/** The real store, which counts what of it is read at the same time. */
class CountedStore extends SqliteStateStore {
  reads = 0
  #open = 0
  mostOpen = 0

  override async get(...given: [string, string]): ReturnType<SqliteStateStore['get']> {
    this.reads += 1
    this.#open += 1
    this.mostOpen = Math.max(this.mostOpen, this.#open)
    try {
      return await super.get(...given)
    } finally {
      this.#open -= 1
    }
  }
}

let made = 0
let clock: FakeClock
let store: CountedStore
let unread = 0
let results: StoredResults
beforeEach(() => {
  made += 1
  unread = 0
  clock = new FakeClock()
  store = new CountedStore({ dir: `${root.path}/${made}`, clock })
  const transit = new TransitBytes({ limit: 1_500_000, clock })
  transit.measureBy(() => unread)
  results = new StoredResults({ store, keys: { current: Buffer.alloc(32, 1) }, clock, logger, transit })
})
afterEach(() => store.close())
afterAll(async () => {
  await root[Symbol.asyncDispose]()
})

/** Keeps a text and looks it up; what is counted begins after that. */
async function reader(
  text: string,
  by: Principal = ALICE,
): Promise<(more?: Partial<Read>) => Promise<string | undefined>> {
  const about = { server: 'acme/alpha', tool: 'read', mimeType: 'text/plain' }
  const at = await results.keep(by, { ...about, text }, HOUR)
  const found = await results.find(by, at?.id ?? '')
  if (found === undefined) throw new Error('it was not kept')
  store.reads = 0
  store.mostOpen = 0
  return (more = {}) => results.read(found, { principal: by, signal: NEVER, timeoutMs: HOUR, ...more })
}

/** A text that takes seven entries of the store. */
function large(): string {
  return randomBytes(500_000).toString('hex')
}

describe('a stored result', () => {
  test('is loaded once for all who read it at the same time, and for its parts within ten seconds', async () => {
    const text = large()
    const read = await reader(text)
    const all = Array.from({ length: 20 }, () => read({ part: { from: 999_990, length: 5 } }))
    expect(new Set(await Promise.all(all))).toEqual(new Set([text.slice(999_990, 999_995)]))
    const once = store.reads
    expect(once).toBeLessThan(10)
    await setImmediate()
    await clock.advance(9999)
    expect(await read({ part: { from: 0, length: 1 } })).toBe(text[0])
    expect(store.reads).toBe(once)
    await clock.advance(1)
    await read({ part: { from: 0, length: 1 } })
    expect(store.reads).toBe(2 * once)
  })

  test.each([
    ['ASCII', 'abcdefgh'],
    ['of other characters', 'aü€😀xyz'],
  ])('gives the part of a text that is %s, in characters', async (_what, text) => {
    const read = await reader(text)
    expect(await read({ part: { from: 2, length: 3 } })).toBe(text.slice(2, 5))
    expect(await read({ part: { from: 2, length: 9_999_999_999 } })).toBe(text.slice(2))
    expect(await read({ part: { from: 9_999_999_999, length: 1 } })).toBe('')
    expect(await read()).toBe(text)
  })
})

describe('concurrent readers of stored results', () => {
  test('load one at a time, a few entries at once, in a fair queue by tenant', async () => {
    const readers = [await reader(large()), await reader(large()), await reader(large())]
    const ofBob = await reader(large(), BOB)
    const order: string[] = []
    const part = { from: 0, length: 1 }
    await Promise.all([
      ...readers.map(async (read, at) => read({ part }).then(() => order.push(`alice ${at}`))),
      ofBob({ part }).then(() => order.push('bob')),
    ])
    expect(order).toEqual(['alice 0', 'alice 1', 'bob', 'alice 2'])
    expect(store.mostOpen).toBe(4)
  })

  test('wait while too many bytes are in transit to clients', async () => {
    const read = await reader(large())
    unread = 3_000_000
    let given = 0
    const all = Array.from({ length: 6 }, async () => read().then(() => (given += 1)))
    await eventually(() => given === 2, { what: 'the first two' })
    await clock.advance(1000)
    expect(given).toBe(2)
    unread = 0
    await eventually(
      async () => {
        await clock.advance(25)
        return given === 6
      },
      { what: 'the others' },
    )
    await Promise.all(all)
  })

  test('take no turn when they go away or have waited too long', async () => {
    const read = await reader(large())
    const later = await reader(large())
    const gone = new AbortController()
    const first = read()
    const ends = Promise.allSettled([later({ signal: gone.signal }), later({ timeoutMs: 0 })])
    gone.abort()
    await clock.advance(0)
    expect(await ends).toMatchObject([{ reason: { code: 'cancelled' } }, { reason: { code: 'overloaded' } }])
    expect(await first).toHaveLength(1_000_000)
    const loaded = store.reads
    expect(await read({ part: { from: 0, length: 1 } })).toHaveLength(1)
    expect(store.reads).toBe(loaded)
    expect(loaded).toBeLessThan(10)
  })
})

test('after a text that took 300 ms to be passed on, the next is read 300 ms later, so that others have their turns', async () => {
  const [first, second] = [await reader('first'), await reader('second')]
  const passedOn = first().then(() => clock.advance(300))
  const next = second()
  await passedOn
  for (let turn = 0; turn < 20; turn += 1) await setImmediate()
  expect(store.reads).toBe(1)
  await clock.advance(299)
  for (let turn = 0; turn < 20; turn += 1) await setImmediate()
  expect(store.reads).toBe(1)
  await clock.advance(1)
  expect(await next).toBe('second')
  expect(store.reads).toBe(2)
})
