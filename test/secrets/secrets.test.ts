import { beforeEach, describe, expect, test } from '@jest/globals'
import { Secrets } from '../../src/secrets/secrets.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { FakeSecretsSource, reference } from '../registry/secrets-source.ts'

const A = 'secret://acme_a'
const B = 'secret://acme_b'
const MINUTE = 60_000

let clock: FakeClock
let source: FakeSecretsSource
let secrets: Secrets
let rotated: string[]
let recovered: string[]

beforeEach(() => {
  clock = new FakeClock()
  source = new FakeSecretsSource()
  rotated = []
  recovered = []
  secrets = new Secrets({
    source,
    clock,
    logger: silentLogger,
    random: () => 0.5,
    ttlMs: 5 * MINUTE,
    events: {
      onRotated: ({ text }) => rotated.push(text),
      onRecovered: ({ text }) => recovered.push(text),
    },
  })
})

/** What resolving comes to while the clock runs through the tries. */
async function resolve(text: string): Promise<string> {
  const result = secrets.resolve(reference(text)).catch((error: Error) => error.message)
  await clock.advance(1000)
  return result
}

function watchAB(): void {
  secrets.setInUse([reference(A), reference(B)])
  secrets.start()
}

describe('the cache', () => {
  test('asks once for fifty at a time, and not again within the TTL', async () => {
    source.secrets.set(A, 'one')
    const gate = Promise.withResolvers<void>()
    source.gate = gate.promise
    const all = Promise.all(Array.from({ length: 50 }, () => secrets.resolve(reference(A))))
    gate.resolve()
    expect(new Set(await all)).toEqual(new Set(['one']))
    await clock.advance(4 * MINUTE)
    expect(await resolve(A)).toBe('one')
    expect(source.reads).toEqual([A])
    source.secrets.set(A, 'two')
    await clock.advance(MINUTE)
    expect(await resolve(A)).toBe('two')
  })

  test('keeps secrets and versions apart', async () => {
    source.secrets.set(A, 'latest').set(`${A}#1`, 'first').set(B, 'other')
    expect([await resolve(A), await resolve(`${A}#1`), await resolve(B)]).toEqual([
      'latest',
      'first',
      'other',
    ])
  })

  test('remembers for ten seconds that there is none', async () => {
    expect(await resolve(A)).toBe('secret://acme_a: there is no such secret')
    source.secrets.set(A, 'one')
    await clock.advance(8000)
    expect(await resolve(A)).toBe('secret://acme_a: there is no such secret')
    await clock.advance(1000)
    expect(await resolve(A)).toBe('one')
    expect(source.reads).toHaveLength(2)
  })

  test('forgets what the registry does not name any more', async () => {
    source.secrets.set(A, 'one').set(B, 'other')
    await resolve(A)
    await resolve(B)
    secrets.setInUse([reference(B)])
    expect(secrets.counts()).toEqual({ fresh: 1, stale: 0, refused: 0 })
    await resolve(A)
    expect(source.reads).toEqual([A, B, A])
  })

  test('takes one line break off the end of a value, and refuses values that no server can take', async () => {
    source.secrets.set(A, 'one\n').set(B, '\r\n').set(`${A}#1`, 'a\0b').set(`${A}#2`, 'one\n\n')
    expect(await resolve(A)).toBe('one')
    expect(await resolve(`${A}#2`)).toBe('one\n')
    expect(await resolve(B)).toBe('secret://acme_b: its value is empty')
    expect(await resolve(`${A}#1`)).toBe('secret://acme_a#1: its value contains a NUL character')
  })

  test('says nothing of what a source throws that is no refusal', async () => {
    source.read = () => Promise.reject(new Error('canary'))
    expect(await resolve(A)).toBe('secret://acme_a: reading it failed in the gateway')
  })
})

describe('while the source does not answer', () => {
  test('it is asked three times in a second, and others wait no second time', async () => {
    source.refuse(A, 'unavailable')
    expect(await resolve(A)).toBe('secret://acme_a: it is unavailable')
    expect(source.reads).toEqual([A, A, A])
    const other = secrets.resolve(reference(B)).catch((error: Error) => error.message)
    await clock.advance(0)
    expect(await other).toBe('secret://acme_b: the source of the secrets does not respond')
    expect(source.reads).toHaveLength(3)
  })

  test('one that answers again is noticed between the tries', async () => {
    source.refuse(A, 'unavailable')
    const value = secrets.resolve(reference(A))
    await clock.advance(0)
    source.secrets.set(A, 'one')
    await clock.advance(100)
    expect(await value).toBe('one')
  })

  test('a value goes on for an hour, and no longer', async () => {
    source.secrets.set(A, 'one')
    await resolve(A)
    source.refuse(A, 'unavailable')
    await clock.advance(30 * MINUTE)
    expect(await resolve(A)).toBe('one')
    expect(secrets.counts()).toEqual({ fresh: 0, stale: 1, refused: 1 })
    await clock.advance(29 * MINUTE)
    expect(await resolve(A)).toBe('one')
    await clock.advance(MINUTE)
    expect(await resolve(A)).toBe('secret://acme_a: it is unavailable')
  })

  test.each(['missing', 'denied', 'disabled', 'invalid'] as const)(
    'that is not so when it answers that the secret is %s',
    async (problem) => {
      source.secrets.set(A, 'one')
      await resolve(A)
      source.refuse(A, problem)
      await clock.advance(5 * MINUTE)
      expect(await resolve(A)).toBe(`secret://acme_a: it is ${problem}`)
      expect(secrets.counts()).toEqual({ fresh: 0, stale: 0, refused: 1 })
    },
  )
})

describe('secrets in use', () => {
  test('are read again in the background, and a new value is told once', async () => {
    source.secrets.set(A, 'one').set(B, 'other')
    watchAB()
    await resolve(A)
    await resolve(B)
    source.secrets.set(A, 'two')
    await clock.advance(5 * MINUTE)
    expect(rotated).toEqual([A])
    expect(secrets.counts()).toEqual({ fresh: 2, stale: 0, refused: 0 })
    expect(await resolve(A)).toBe('two')
    await clock.advance(20 * MINUTE)
    expect(rotated).toEqual([A])
  })

  test('are read again at once when the source says that something changed', async () => {
    source.secrets.set(A, 'one').set(B, 'other')
    watchAB()
    await resolve(A)
    await resolve(B)
    source.secrets.set(B, 'changed')
    source.onChange()
    await clock.advance(0)
    expect(rotated).toEqual([B])
  })

  test('that nobody has asked for are not read', async () => {
    watchAB()
    await clock.advance(20 * MINUTE)
    expect(source.reads).toEqual([])
  })

  test('tell when they can be had again, if somebody went without', async () => {
    source.refuse(A, 'unavailable')
    watchAB()
    await resolve(A)
    source.secrets.set(A, 'one')
    await clock.advance(MINUTE)
    expect([recovered, rotated]).toEqual([[A], []])
  })

  test('have not changed when only the source was away', async () => {
    source.secrets.set(A, 'one')
    watchAB()
    await resolve(A)
    source.refuse(A, 'unavailable')
    await clock.advance(10 * MINUTE)
    source.secrets.set(A, 'one')
    await clock.advance(10 * MINUTE)
    expect([recovered, rotated]).toEqual([[], []])
  })

  test('that were taken away and came back with another value have changed', async () => {
    source.secrets.set(A, 'one')
    watchAB()
    await resolve(A)
    source.refuse(A, 'disabled')
    await clock.advance(5 * MINUTE)
    source.secrets.set(A, 'two')
    await clock.advance(5 * MINUTE)
    expect([recovered, rotated]).toEqual([[], [A]])
  })

  test('are not asked for one by one while the source is away', async () => {
    source.secrets.set(A, 'one').set(B, 'other')
    watchAB()
    await resolve(A)
    await resolve(B)
    source.refuse(A, 'unavailable')
    source.refuse(B, 'unavailable')
    source.reads.length = 0
    await clock.advance(4.8 * MINUTE)
    expect(source.reads).not.toContain(B)
    expect(source.reads).toContain(A)
  })

  test('survive a listener that fails', async () => {
    source.secrets.set(A, 'one')
    watchAB()
    await resolve(A)
    rotated.push = () => {
      throw new Error('listener')
    }
    source.secrets.set(A, 'two')
    await clock.advance(5 * MINUTE)
    expect(await resolve(A)).toBe('two')
  })

  test('are left alone after the end', async () => {
    source.secrets.set(A, 'one')
    watchAB()
    await resolve(A)
    await secrets.close()
    await secrets.close()
    source.secrets.set(A, 'two')
    source.onChange()
    await clock.advance(20 * MINUTE)
    expect([source.reads, rotated, clock.pending]).toEqual([[A], [], 0])
  })
})
