import { beforeEach, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { TenantReserve } from '../../../../src/upstream/pool/admission/tenant-reserve.ts'
import { FakeClock } from '../../../support/fake-clock.ts'

const PERMITS = 8

let clock: FakeClock
let reserve: TenantReserve
let inFlight: Map<string, number>

beforeEach(() => {
  clock = new FakeClock()
  reserve = new TenantReserve({ clock })
  inFlight = new Map()
})

const free = (): number => PERMITS - [...inFlight.values()].reduce((sum, count) => sum + count, 0)

/** Takes a permit, unless all that are free are kept for others. */
function take(tenant: string): boolean {
  if (free() === 0 || !reserve.admits(tenant, free(), PERMITS)) return false
  reserve.enter(tenant)
  inFlight.set(tenant, (inFlight.get(tenant) ?? 0) + 1)
  return true
}

function leave(tenant: string): void {
  reserve.leave(tenant)
  inFlight.set(tenant, (inFlight.get(tenant) ?? 0) - 1)
}

function takeAll(tenant: string): number {
  let taken = 0
  while (take(tenant)) taken += 1
  return taken
}

test('a tenant that is alone has all permits', () => {
  expect(takeAll('a')).toBe(8)
})

test('as many permits stay free for a tenant as it needed a moment ago, and no more than an equal share', () => {
  for (let call = 0; call < 2; call += 1) take('b')
  for (let call = 0; call < 2; call += 1) leave('b')
  expect([takeAll('a'), takeAll('b')]).toEqual([6, 2])
  expect(take('a')).toBe(false)
  leave('b')
  expect([take('a'), take('b')]).toEqual([false, true])
})

test('a tenant that needed more than its share keeps its share', () => {
  takeAll('b')
  for (let call = 0; call < 8; call += 1) leave('b')
  expect([takeAll('a'), takeAll('b')]).toEqual([4, 4])
})

test('permits are kept for a tenant for ten seconds at most', async () => {
  take('b')
  leave('b')
  await clock.advance(10_000)
  expect(takeAll('a')).toBe(8)
})

test('whatever tenants do, one that has nothing in flight gets a permit where nobody has', async () => {
  const acts = fc.array(
    fc.record({ tenant: fc.constantFrom('a', 'b', 'c', 'd'), gapMs: fc.constantFrom(0, 0, 3000) }),
    { maxLength: 60 },
  )
  await fc.assert(
    fc.asyncProperty(acts, async (given) => {
      clock = new FakeClock()
      reserve = new TenantReserve({ clock })
      inFlight = new Map()
      for (const { tenant, gapMs } of given) {
        take(tenant)
        await clock.advance(gapMs)
      }
      for (const [tenant, count] of inFlight) for (let call = 0; call < count; call += 1) leave(tenant)
      expect(['a', 'b', 'c', 'd', 'e'].map((tenant) => reserve.admits(tenant, PERMITS, PERMITS))).toEqual([
        true,
        true,
        true,
        true,
        true,
      ])
    }),
  )
})
