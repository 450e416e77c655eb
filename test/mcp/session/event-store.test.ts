import { beforeEach, expect, test } from '@jest/globals'
import { type EventLimits, EventStore } from '../../../src/mcp/session/event-store.ts'
import { caller } from '../../support/routing.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let clock: FakeClock
const ann = caller().principal

beforeEach(() => {
  clock = new FakeClock()
})

function storeOf(limits: Partial<EventLimits> = {}): EventStore {
  return new EventStore({ clock, limits })
}

test('a stream is resumed after any of its events, with what followed on it and on no other', () => {
  const session = storeOf().open(ann)
  const first = session.begin(1)
  session.begin(2)
  const a = session.add(1, 'a')
  session.add(2, 'other')
  const b = session.add(1, 'b')
  session.finish(1)
  expect(session.after(first)).toEqual({
    stream: 1,
    events: [
      { id: a, data: 'a' },
      { id: b, data: 'b' },
    ],
  })
  expect(session.after(a)).toEqual({ stream: 1, events: [{ id: b, data: 'b' }] })
  expect(session.after(b)).toEqual({ stream: 1, events: [] })
})

test('an id of another session, of no event, or of nothing at all is of no use', () => {
  const store = storeOf()
  const session = store.open(ann)
  const stranger = store.open(ann)
  const id = session.begin(1)
  session.add(1, 'secret')
  stranger.begin(1)
  stranger.add(1, 'own')
  expect(stranger.after(id)).toBeUndefined()
  for (const wrong of ['', 'x', '__proto__', id.replace(/\d+$/, '99'), `${id}.1`, 'x'.repeat(10_240)]) {
    expect(session.after(wrong)).toBeUndefined()
  }
})

test('what was sent on a stream that can no longer be resumed is forgotten', () => {
  const store = storeOf()
  const session = store.open(ann)
  const id = session.begin(1)
  session.add(1, 'a')
  session.discard(1)
  expect(session.after(id)).toBeUndefined()
  expect(store.bytes).toBe(0)
})

test('a session keeps so many events; a stream of which one is missing cannot be resumed before it', () => {
  const session = storeOf({ maxEvents: 2 }).open(ann)
  const begin = session.begin(1)
  const [a, b] = [session.add(1, 'a'), session.add(1, 'b')]
  const c = session.add(1, 'c')
  expect(session.after(begin)).toBeUndefined()
  expect(session.after(a)?.events).toEqual([
    { id: b, data: 'b' },
    { id: c, data: 'c' },
  ])
})

test('a session keeps so many bytes, and one event that is larger not at all', () => {
  const store = storeOf({ maxSessionBytes: 1000 })
  const session = store.open(ann)
  const begin = session.begin(1)
  const last = session.add(1, 'x'.repeat(2000))
  expect(store.bytes).toBe(0)
  expect(session.after(begin)).toBeUndefined()
  expect(session.after(last)?.events).toEqual([])
})

test('an event that is too large to be stored does not evict the others of its session', () => {
  const session = storeOf({ maxSessionBytes: 1000 }).open(ann)
  const begin = session.begin(1)
  const kept = session.add(1, 'kept')
  const early = session.begin(2)
  session.add(2, 'y')
  const last = session.add(2, 'x'.repeat(2000))
  expect(session.after(begin)?.events).toEqual([{ id: kept, data: 'kept' }])
  expect(session.after(early)).toBeUndefined()
  expect(session.after(last)?.events).toEqual([])
})

test('all sessions together keep so many bytes; the oldest go first', () => {
  const store = storeOf({ maxBytes: 1000 })
  const [one, two] = [store.open(ann), store.open(ann)]
  const [beginOne, beginTwo] = [one.begin(1), two.begin(1)]
  one.add(1, 'a'.repeat(300))
  two.add(1, 'b'.repeat(300))
  const last = two.add(1, 'c'.repeat(100))
  expect(one.after(beginOne)).toBeUndefined()
  expect(two.after(beginTwo)?.events).toHaveLength(2)
  expect(two.after(last)?.events).toEqual([])
  expect(store.bytes).toBeLessThanOrEqual(1000)
})

test('what one principal gets does not cost what others of its tenant could resume', () => {
  const store = storeOf({ maxPrincipalBytes: 1000, maxTenantBytes: 2000, maxBytes: 4000 })
  const other = store.open(caller({ subject: 'bob' }).principal)
  const begin = other.begin(1)
  other.add(1, 'a'.repeat(300))
  for (let count = 0; count < 80; count += 1) {
    const session = store.open(ann)
    session.begin(1)
    session.add(1, 'x'.repeat(300))
  }
  expect(other.after(begin)?.events).toHaveLength(1)
  expect(store.bytes).toBe(1500)
})

test('what one tenant gets does not cost what others could resume', () => {
  const store = storeOf({ maxPrincipalBytes: 1000, maxTenantBytes: 2000, maxBytes: 2500 })
  const other = store.open(caller({ tenantId: 'globex' }).principal)
  const begin = other.begin(1)
  other.add(1, 'a'.repeat(300))
  other.add(1, 'b'.repeat(300))
  for (let count = 0; count < 80; count += 1) {
    const session = store.open(caller({ subject: `user-${count}` }).principal)
    session.begin(1)
    session.add(1, 'x'.repeat(300))
  }
  expect(other.after(begin)?.events).toHaveLength(2)
  expect(store.bytes).toBe(2500)
})

test('events go when they are old, and a quiet stream that is open can be resumed all the same', async () => {
  const store = storeOf({ maxAgeMs: 60_000 })
  const session = store.open(ann)
  const begin = session.begin(1)
  const a = session.add(1, 'a')
  await clock.advance(30_000)
  session.begin(2)
  session.add(2, 'b')
  await clock.advance(30_000)
  expect(session.after(begin)).toBeUndefined()
  expect(session.after(a)?.events).toEqual([])
  expect(store.bytes).toBeGreaterThan(0)
  await clock.advance(30_000)
  expect([store.bytes, clock.pending]).toEqual([0, 0])
})

test('a stream that is begun anew cannot be resumed from before', () => {
  const session = storeOf().open(ann)
  const before = session.begin(0)
  session.add(0, 'a')
  const again = session.begin(0)
  expect(session.after(before)).toBeUndefined()
  expect(session.after(again)?.events).toEqual([])
})

test('a session that has ended leaves nothing behind', () => {
  const store = storeOf()
  const session = store.open(ann)
  session.begin(1)
  session.add(1, 'a')
  session.close()
  expect(store.bytes).toBe(0)
})
