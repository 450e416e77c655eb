import { beforeEach, expect, test } from '@jest/globals'
import { SessionSeal } from '../../../src/mcp/session/session-seal.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { principal } from '../../support/offers.ts'

const LIFETIME_MS = 60_000
const keys = { current: Buffer.alloc(32, 7) }
const opening = {
  id: 'session-1',
  home: '42',
  initialize: {
    protocolVersion: '2025-11-25',
    capabilities: { roots: { listChanged: true }, experimental: { x: {} } },
    clientInfo: { name: 'client', version: '1' },
  },
}
const ann = { principal: principal(), scope: undefined }

let clock: FakeClock
let seal: SessionSeal

beforeEach(() => {
  clock = new FakeClock()
  seal = new SessionSeal({ keys, clock, lifetimeMs: LIFETIME_MS })
})

test('another replica with the same key reads in a session id what the session is rebuilt from', () => {
  const other = new SessionSeal({ keys, clock, lifetimeMs: LIFETIME_MS })
  expect(other.open(seal.seal(opening, ann), ann)).toEqual({ ...opening, until: clock.now() + LIFETIME_MS })
})

test.each([
  ['another user', { ...ann, principal: principal({ subject: 'bob' }) }],
  ['another tenant', { ...ann, principal: principal({ tenantId: 'beta' }) }],
  ['the same user with other roles', { ...ann, principal: principal({ roles: ['x'] }) }],
  ['another path', { ...ann, scope: 'github' }],
])('a session id is not valid for %s', (_who, binding) => {
  expect(seal.open(seal.seal(opening, ann), binding)).toBeUndefined()
})

test('a session id that is forged, too long, or expired is not valid', async () => {
  const sealed = seal.seal(opening, ann)
  expect(seal.open('A'.repeat(300), ann)).toBeUndefined()
  expect(seal.open('A'.repeat(5000), ann)).toBeUndefined()
  await clock.advance(LIFETIME_MS)
  expect(seal.open(sealed, ann)).toMatchObject({ id: 'session-1' })
  await clock.advance(1)
  expect(seal.open(sealed, ann)).toBeUndefined()
})

test('a session id fits into a header, regardless of what the client declares', () => {
  const initialize = {
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: { form: {} }, experimental: { x: 'x'.repeat(100_000) } },
    clientInfo: { name: 'n'.repeat(10_000), version: '1', icons: ['x'.repeat(100_000)] },
  }
  const sealed = seal.seal({ ...opening, initialize }, ann)
  expect(sealed.length).toBeLessThan(4096)
  expect(seal.open(sealed, ann)?.initialize).toEqual({
    protocolVersion: '2025-11-25',
    capabilities: { elicitation: { form: {} } },
    clientInfo: { name: 'n'.repeat(128), version: '1' },
  })
})
