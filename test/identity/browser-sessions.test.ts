import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import type { Principal } from '../../src/domain/principal.ts'
import type { KeyRing } from '../../src/domain/seal/key-ring.ts'
import { BrowserSessions } from '../../src/identity/browser-sessions.ts'
import type { EndStore } from '../../src/identity/browser/ended-sessions.ts'
import { SqliteStateStore } from '../../src/state/sqlite/sqlite-state-store.ts'
import type { StateEntry } from '../../src/state/state-store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { memoryState } from '../support/memory-state.ts'
import { silentLogger } from '../support/silent-logger.ts'

const KEY = Buffer.alloc(32, 1)
const HTTPS = 'https://gateway.example'
const START = Date.parse('2026-01-01T00:00:00Z')
const ANN: Principal = {
  tenantId: 'acme',
  subject: 'ann',
  agent: 'browser',
  roles: ['reader'],
  scopes: [],
  issuer: 'https://login.example',
  expiresAtMs: START + 60_000,
}

function open(
  options: {
    keys?: KeyRing
    publicUrl?: string
    clock?: FakeClock
    disabled?: { has: (tenantId: string) => boolean }
    store?: EndStore
  } = {},
): BrowserSessions {
  const { clock = new FakeClock(START), store = memoryState(clock) } = options
  return new BrowserSessions({
    keys: { current: KEY },
    publicUrl: HTTPS,
    logger: silentLogger,
    ...options,
    clock,
    store,
  })
}

function cookieOf(setCookie: string): string {
  return setCookie.split(';', 1)[0] ?? ''
}

/** Signs the person of a cookie out. */
async function end(sessions: BrowserSessions, cookie: string): Promise<boolean> {
  const session = await sessions.read(cookie)
  if (session === undefined) throw new Error('nobody is signed in')
  return sessions.end(session)
}

describe('the session of a browser', () => {
  test('counts for nothing while its tenant is switched off', async () => {
    const cookie = cookieOf(open().issue(ANN))
    expect(await open({ disabled: { has: (id) => id === 'acme' } }).read(cookie)).toBeUndefined()
    expect(await open({ disabled: { has: (id) => id === 'other' } }).read(cookie)).toBeDefined()
  })

  test('is who was signed in, also for another gateway with the same key', async () => {
    const cookie = cookieOf(open().issue(ANN))
    const session = await open().read(`other=1; ${cookie}; more=2`)
    expect(session).toEqual({
      principal: ANN,
      csrfToken: expect.stringMatching(/^[\w-]{22}$/),
      expiresAt: START + 60_000,
    })
  })

  test('ends when the principal expires', async () => {
    const clock = new FakeClock(START)
    const sessions = open({ clock })
    const cookie = cookieOf(sessions.issue(ANN))
    await clock.advance(59_999)
    expect((await sessions.read(cookie))?.principal).toEqual(ANN)
    await clock.advance(1)
    expect(await sessions.read(cookie)).toBeUndefined()
  })

  test('cannot be read by scripts, sent by other sites, or set by other hosts', () => {
    expect(open().issue(ANN)).toMatch(
      /^__Host-tool-gateway=[\w-]+; Path=\/; Max-Age=60; HttpOnly; SameSite=Lax; Secure$/,
    )
  })

  test('on a port of loopback is separate from that of a gateway on another port', async () => {
    const first = open({ publicUrl: 'http://127.0.0.1:8080' })
    const cookie = cookieOf(first.issue(ANN))
    expect(cookie).toMatch(/^tool-gateway-8080=/)
    expect(await open({ publicUrl: 'http://127.0.0.1:8081' }).read(cookie)).toBeUndefined()
  })

  test('shows nothing of the person in the cookie', () => {
    const [, sealed = ''] = cookieOf(open().issue(ANN)).split('=')
    expect(Buffer.from(sealed, 'base64url').toString('latin1')).not.toContain('ann')
  })

  test.each([
    ['changed', (value: string) => `${value.slice(0, 40)}${value[40] === 'A' ? 'B' : 'A'}${value.slice(41)}`],
    ['cut short', (value: string) => value.slice(0, 60)],
    ['nothing', () => ''],
    ['not a cookie of ours', () => 'hello'],
  ])('is nobody when the cookie is %s', async (_what, spoil) => {
    const [name, value = ''] = cookieOf(open().issue(ANN)).split('=')
    expect(await open().read(`${name}=${spoil(value)}`)).toBeUndefined()
  })

  test('is nobody when another key sealed the cookie', async () => {
    const cookie = cookieOf(open({ keys: { current: Buffer.alloc(32, 2) } }).issue(ANN))
    expect(await open().read(cookie)).toBeUndefined()
  })

  test('is over for a copy of the cookie once it was ended', async () => {
    const sessions = open()
    const cookie = cookieOf(sessions.issue(ANN))
    expect(await end(sessions, cookie)).toBe(true)
    expect(await sessions.read(cookie)).toBeUndefined()
  })

  test('is not begun with more roles than a cookie can hold', () => {
    const roles = Array.from({ length: 256 }, (_, n) => `${n}-${crypto.randomUUID()}`)
    expect(() => open().issue({ ...ANN, roles })).toThrow('The roles of this person do not fit')
  })
})

describe('a session that was ended', () => {
  test('stays so for a copy of its cookie when the gateway starts again', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'tool-gateway-ended-'))
    const clock = new FakeClock(START)
    const before = new SqliteStateStore({ dir, clock })
    const cookie = cookieOf(open({ store: before, clock }).issue(ANN))
    expect(await end(open({ store: before, clock }), cookie)).toBe(true)
    await before.close()
    const after = new SqliteStateStore({ dir, clock })
    expect(await open({ store: after, clock }).read(cookie)).toBeUndefined()
    await after.close()
    await rm(dir, { recursive: true })
  })

  test('is over at other replicas five seconds later', async () => {
    const clock = new FakeClock(START)
    const store = memoryState(clock)
    const [here, there] = [open({ store, clock }), open({ store, clock })]
    const cookie = cookieOf(here.issue(ANN))
    expect(await there.read(cookie)).toBeDefined()
    await end(here, cookie)
    await clock.advance(5001)
    expect(await there.read(cookie)).toBeUndefined()
  })

  test('is kept as long as its cookie would be valid, and no longer', async () => {
    const entries = new Map<string, StateEntry>()
    const clock = new FakeClock(START)
    const sessions = open({ store: memoryState(clock, entries), clock })
    await end(sessions, cookieOf(sessions.issue(ANN)))
    expect([...entries.values()].map(({ expiresAt }) => expiresAt)).toEqual([START + 60_000])
  })

  test('is asked for once in five seconds, however many requests a page makes', async () => {
    const clock = new FakeClock(START)
    const store = memoryState(clock)
    let asked = 0
    const counted = { ...store, get: (...args: [string, string]) => ((asked += 1), store.get(...args)) }
    const sessions = open({ store: counted, clock })
    const cookie = cookieOf(sessions.issue(ANN))
    await Promise.all(Array.from({ length: 100 }, () => sessions.read(cookie)))
    await clock.advance(4000)
    await sessions.read(cookie)
    expect(asked).toBe(1)
    await clock.advance(1001)
    await sessions.read(cookie)
    expect(asked).toBe(2)
  })

  test('is over here also while the store does not answer, which ends no other and is said', async () => {
    const down = () => Promise.reject(new GatewayError('state_unavailable'))
    const sessions = open({ store: { get: down, put: down } })
    const [cookie, other] = [cookieOf(sessions.issue(ANN)), cookieOf(sessions.issue(ANN))]
    expect(await end(sessions, cookie)).toBe(false)
    expect(await sessions.read(cookie)).toBeUndefined()
    expect(await sessions.read(other)).toBeDefined()
  })
})
