import { describe, expect, test } from '@jest/globals'
import type { Principal } from '../../src/domain/principal.ts'
import type { KeyRing } from '../../src/domain/seal/key-ring.ts'
import { BrowserSessions } from '../../src/identity/browser-sessions.ts'
import { FakeClock } from '../support/fake-clock.ts'

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
  } = {},
): BrowserSessions {
  return new BrowserSessions({
    keys: { current: KEY },
    publicUrl: HTTPS,
    clock: new FakeClock(START),
    ...options,
  })
}

function cookieOf(setCookie: string): string {
  return setCookie.split(';', 1)[0] ?? ''
}

describe('the session of a browser', () => {
  test('counts for nothing while its tenant is switched off', () => {
    const cookie = cookieOf(open().issue(ANN))
    expect(open({ disabled: { has: (id) => id === 'acme' } }).read(cookie)).toBeUndefined()
    expect(open({ disabled: { has: (id) => id === 'other' } }).read(cookie)).toBeDefined()
  })

  test('is who was signed in, also for another gateway with the same key', () => {
    const cookie = cookieOf(open().issue(ANN))
    const session = open().read(`other=1; ${cookie}; more=2`)
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
    expect(sessions.read(cookie)?.principal).toEqual(ANN)
    await clock.advance(1)
    expect(sessions.read(cookie)).toBeUndefined()
  })

  test('cannot be read by scripts, sent by other sites, or set by other hosts', () => {
    expect(open().issue(ANN)).toMatch(
      /^__Host-tool-gateway=[\w-]+; Path=\/; Max-Age=60; HttpOnly; SameSite=Lax; Secure$/,
    )
  })

  test('on a port of loopback is separate from that of a gateway on another port', () => {
    const first = open({ publicUrl: 'http://127.0.0.1:8080' })
    const cookie = cookieOf(first.issue(ANN))
    expect(cookie).toMatch(/^tool-gateway-8080=/)
    expect(open({ publicUrl: 'http://127.0.0.1:8081' }).read(cookie)).toBeUndefined()
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
  ])('is nobody when the cookie is %s', (_what, spoil) => {
    const [name, value = ''] = cookieOf(open().issue(ANN)).split('=')
    expect(open().read(`${name}=${spoil(value)}`)).toBeUndefined()
  })

  test('is nobody when another key sealed the cookie', () => {
    expect(open().read(cookieOf(open({ keys: { current: Buffer.alloc(32, 2) } }).issue(ANN)))).toBeUndefined()
  })

  test('is over for a copy of the cookie once it was ended', () => {
    const sessions = open()
    const cookie = cookieOf(sessions.issue(ANN))
    const session = sessions.read(cookie)
    if (session === undefined) throw new Error('nobody is signed in')
    sessions.end(session)
    expect(sessions.read(cookie)).toBeUndefined()
  })

  test('is not begun with more roles than a cookie can hold', () => {
    const roles = Array.from({ length: 256 }, (_, n) => `${n}-${crypto.randomUUID()}`)
    expect(() => open().issue({ ...ANN, roles })).toThrow('The roles of this person do not fit')
  })
})
