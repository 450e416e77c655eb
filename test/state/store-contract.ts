import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { Leases } from '../../src/state/leases.ts'
import type { StateStore } from '../../src/state/state-store.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { FakeClock } from '../support/fake-clock.ts'

/** An open store at a clock. In each test it is empty, and those of one `shared` see each other's entries. */
export type StoreOf = (clock: FakeClock, shared?: object) => StateStore

/** What every state store promises. */
export function describeStore(storeOf: StoreOf): void {
  const open = (): { store: StateStore; clock: FakeClock } => {
    const clock = new FakeClock()
    return { store: storeOf(clock), clock }
  }

  describe('entries', () => {
    test('come back as they were written, under their own collection and key only', async () => {
      const { store } = open()
      const version = await store.put('grants', 'acme/ada', 'a value: ä😀"\n')
      expect(await store.get('grants', 'acme/ada')).toEqual({
        key: 'acme/ada',
        value: 'a value: ä😀"\n',
        version,
        expiresAt: undefined,
      })
      expect(await store.get('grants', 'acme/bob')).toBeUndefined()
      expect(await store.get('pins', 'acme/ada')).toBeUndefined()
    })

    test('are replaced by a write that expects nothing', async () => {
      const { store } = open()
      const first = await store.put('grants', 'k', 'one')
      const second = await store.put('grants', 'k', 'two')
      expect(second).not.toBe(first)
      expect(await store.get('grants', 'k')).toMatchObject({ value: 'two', version: second })
    })

    test('get another version also from a write of the same value', async () => {
      const { store } = open()
      const first = await store.put('grants', 'k', 'same')
      expect(await store.put('grants', 'k', 'same')).not.toBe(first)
    })

    test('are created once by those who expect none', async () => {
      const { store } = open()
      const puts = ['a', 'b', 'c', 'd'].map((value) => store.put('links', 'k', value, { expected: null }))
      const versions = (await Promise.all(puts)).filter((version) => version !== undefined)
      expect(versions).toHaveLength(1)
      expect(await store.get('links', 'k')).toMatchObject({ version: versions[0] })
    })

    test('change only from the version that is expected', async () => {
      const { store } = open()
      const first = (await store.put('grants', 'k', 'one')) ?? ''
      const second = await store.put('grants', 'k', 'two', { expected: first })
      expect(await store.put('grants', 'k', 'three', { expected: first })).toBeUndefined()
      expect(await store.put('grants', 'other', 'three', { expected: first })).toBeUndefined()
      expect(await store.put('grants', 'k', 'three', { expected: 'no version' })).toBeUndefined()
      expect(await store.get('grants', 'k')).toMatchObject({ value: 'two', version: second })
    })

    test('lose no change of many who each build on what they have read', async () => {
      const { store } = open()
      await store.put('counts', 'k', '0')
      const increment = async (): Promise<void> => {
        for (;;) {
          const entry = await store.get('counts', 'k')
          if (entry === undefined) throw new Error('the entry is gone')
          const next = String(Number(entry.value) + 1)
          if ((await store.put('counts', 'k', next, { expected: entry.version })) !== undefined) return
        }
      }
      await Promise.all(Array.from({ length: 8 }, increment))
      expect(await store.get('counts', 'k')).toMatchObject({ value: '8' })
    })

    test('are removed once, and only at the version that is expected', async () => {
      const { store } = open()
      const first = (await store.put('links', 'k', 'one')) ?? ''
      const second = (await store.put('links', 'k', 'two')) ?? ''
      expect(await store.delete('links', 'k', { expected: first })).toBe(false)
      const removals = [1, 2, 3].map(() => store.delete('links', 'k', { expected: second }))
      expect((await Promise.all(removals)).filter((isRemoved) => isRemoved)).toEqual([true])
      expect(await store.delete('links', 'k')).toBe(false)
      expect(await store.get('links', 'k')).toBeUndefined()
    })
  })

  describe('an entry with an end', () => {
    test('is there until then and not a millisecond longer', async () => {
      const { store, clock } = open()
      const expiresAt = clock.now() + 1000
      await store.put('links', 'k', 'v', { expiresAt })
      await clock.advance(999)
      expect(await store.get('links', 'k')).toMatchObject({ value: 'v', expiresAt })
      await clock.advance(1)
      expect(await store.get('links', 'k')).toBeUndefined()
      expect(await store.delete('links', 'k')).toBe(false)
      expect(await store.list('links', '', { limit: 10 })).toEqual({ entries: [], next: undefined })
    })

    test('is nobody’s afterwards: it can be created, and not be changed', async () => {
      const { store, clock } = open()
      const first = (await store.put('links', 'k', 'v', { expiresAt: clock.now() + 1000 })) ?? ''
      expect(await store.put('links', 'k', 'w', { expected: null })).toBeUndefined()
      await clock.advance(1000)
      expect(await store.put('links', 'k', 'x', { expected: first })).toBeUndefined()
      expect(await store.put('links', 'k', 'w', { expected: null })).toBeDefined()
      expect(await store.get('links', 'k')).toMatchObject({ value: 'w', expiresAt: undefined })
    })

    test('stays for good when it is written without one', async () => {
      const { store, clock } = open()
      const first = (await store.put('links', 'k', 'v', { expiresAt: clock.now() + 1000 })) ?? ''
      await store.put('links', 'k', 'w', { expected: first })
      await clock.advance(1000)
      expect(await store.get('links', 'k')).toMatchObject({ value: 'w', expiresAt: undefined })
    })
  })

  describe('a list', () => {
    test('has the entries of a prefix in the order of their keys, page by page', async () => {
      const { store } = open()
      const keys = ['acme/bob/x', 'acme/ada/y', 'acme/ada/x', 'acme-2/ada/x', 'globex/ada/x', 'acme/ada2/x']
      for (const key of keys) await store.put('vault', key, `of ${key}`)
      await store.put('pins', 'acme/ada/z', 'elsewhere')
      const first = await store.list('vault', 'acme/', { limit: 2 })
      expect(first.entries.map(({ key, value }) => [key, value])).toEqual([
        ['acme/ada/x', 'of acme/ada/x'],
        ['acme/ada/y', 'of acme/ada/y'],
      ])
      const second = await store.list('vault', 'acme/', { limit: 2, after: first.next })
      expect(second.entries.map(({ key }) => key)).toEqual(['acme/ada2/x', 'acme/bob/x'])
      expect(second.next).toBeUndefined()
      const ofAda = await store.list('vault', 'acme/ada/', { limit: 10 })
      expect(ofAda.entries.map(({ key }) => key)).toEqual(['acme/ada/x', 'acme/ada/y'])
    })

    test('goes on after a page of which everything has expired', async () => {
      const { store, clock } = open()
      for (const key of ['a', 'b', 'c']) await store.put('vault', key, 'v', { expiresAt: clock.now() + 10 })
      await store.put('vault', 'd', 'v')
      await clock.advance(10)
      const found: string[] = []
      let after: string | undefined
      do {
        const page = await store.list('vault', '', { limit: 2, after })
        found.push(...page.entries.map(({ key }) => key))
        after = page.next
      } while (after !== undefined)
      expect(found).toEqual(['d'])
    })
  })

  describe('bounds', () => {
    test('a value of 256 KiB is taken, a larger one is refused', async () => {
      const { store } = open()
      const largest = 'x'.repeat(256 * 1024)
      await store.put('grants', 'k', largest)
      expect((await store.get('grants', 'k'))?.value).toBe(largest)
      await expect(store.put('grants', 'k', `${largest}x`)).rejects.toThrow(RangeError)
    })

    test.each(['', 'x'.repeat(501), 'a b', 'ä'])('the key %p is refused', async (key) => {
      const { store } = open()
      await expect(store.get('grants', key)).rejects.toThrow(RangeError)
      await expect(store.put('grants', key, '')).rejects.toThrow(RangeError)
      await expect(store.delete('grants', key)).rejects.toThrow(RangeError)
    })

    test.each(['', 'Grants', 'a/b', '__x__'])('the collection %p is refused', async (collection) => {
      await expect(open().store.get(collection, 'k')).rejects.toThrow(RangeError)
    })

    test.each(['.', '..', '__proto__', 'a/b//c', '!#$%&*~`'])(
      'the key %p is one like others',
      async (key) => {
        const { store } = open()
        await store.put('grants', key, 'v')
        expect(await store.get('grants', key)).toMatchObject({ key, value: 'v' })
        expect((await store.list('grants', key, { limit: 1 })).entries).toMatchObject([{ key }])
      },
    )
  })

  describe('a lease', () => {
    const leasesOf = (store: StateStore, clock = systemClock): Leases =>
      new Leases({ store, clock, random: () => 0 })

    test('lets one do the work at a time, and the others after it', async () => {
      const shared = {}
      const clock = new FakeClock()
      let atOnce = 0
      let most = 0
      const work = async (): Promise<void> => {
        atOnce += 1
        most = Math.max(most, atOnce)
        await new Promise((resolve) => setImmediate(resolve))
        atOnce -= 1
      }
      const replicas = [1, 2, 3].map(() => leasesOf(storeOf(clock, shared)))
      await Promise.all(replicas.map((leases) => leases.withLease('refresh', 10_000, work)))
      expect(most).toBe(1)
    })

    test('is free again when the work fails', async () => {
      const leases = leasesOf(open().store)
      const failing = leases.withLease('k', 10_000, () => Promise.reject(new Error('no')))
      await expect(failing).rejects.toThrow('no')
      expect(await leases.withLease('k', 10_000, () => Promise.resolve('done'))).toBe('done')
    })

    test('of a process that has ended is free after its time', async () => {
      const { store, clock } = open()
      await store.put('leases', 'k', 'of a process that was killed', { expiresAt: clock.now() + 10_000 })
      await clock.advance(9_999)
      expect(await store.put('leases', 'k', 'another', { expected: null })).toBeUndefined()
      await clock.advance(1)
      expect(await leasesOf(store).withLease('k', 10_000, () => Promise.resolve('done'))).toBe('done')
    })
  })

  test('a store that is closed says that it is unavailable, or still answers', async () => {
    const { store } = open()
    await store.close()
    await store.close()
    const answer = await store.get('grants', 'k').catch((error: unknown) => error)
    expect(answer instanceof GatewayError ? answer.code : answer).toBe(
      answer === undefined ? undefined : 'state_unavailable',
    )
  })
}
