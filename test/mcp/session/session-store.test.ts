import { beforeEach, expect, test } from '@jest/globals'
import { type Session, SessionStore } from '../../../src/mcp/session/session-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { principal } from '../../support/offers.ts'

let clock: FakeClock
let ended: string[]
let closed: string[]
let sessions: SessionStore

beforeEach(() => {
  clock = new FakeClock()
  ended = []
  closed = []
  sessions = new SessionStore({
    limits: {
      maxSessions: 3,
      maxSessionsOfTenant: (tenantId) => (tenantId === 'small' ? 1 : undefined),
      maxSessionsPerPrincipal: 2,
      idleMs: 60_000,
    },
    clock,
    onEnd: ({ id }) => ended.push(id),
  })
})

function open(id: string, fields: Partial<Session> = {}): Session {
  const session: Session = {
    id,
    transport: 'sse',
    principal: principal(),
    openStreams: 0,
    lastUsedAt: clock.monotonic(),
    close: () => closed.push(id),
    ...fields,
  }
  sessions.makeRoom(session.principal)
  sessions.add(session)
  return session
}

test('a session is found by its owner, also with a newer token of the same rights', () => {
  const session = open('one')
  expect(sessions.of('one', principal({ expiresAtMs: 5 }), 'sse')).toBe(session)
})

test.each([
  ['another subject', principal({ subject: 'bob' })],
  ['another tenant', principal({ tenantId: 'other' })],
  ['another agent', principal({ agent: 'x' })],
  ['other roles', principal({ roles: ['reader'] })],
  ['other scopes', principal({ scopes: ['x'] })],
  ['another issuer', principal({ issuer: 'urn:else' })],
])('to %s a session does not exist', (_who, stranger) => {
  open('one')
  expect(() => sessions.of('one', stranger, 'sse')).toThrow(
    expect.objectContaining({ code: 'session_not_found' }),
  )
})

test('a session of one transport is not found over another, and an unknown id nowhere', () => {
  open('one')
  expect(() => sessions.of('one', principal(), 'streamable-http')).toThrow('Unknown session')
  expect(() => sessions.of('__proto__', principal(), 'sse')).toThrow('Unknown session')
})

test('one principal, and all together, can have only so many with open streams; an ended one makes room', () => {
  open('one', { openStreams: 1 })
  open('two', { openStreams: 1 })
  expect(() => sessions.makeRoom(principal())).toThrow(
    expect.objectContaining({ code: 'too_many_sessions', facts: { retryAfterMs: 30_000 } }),
  )
  open('three', { principal: principal({ subject: 'bob' }) })
  expect(() => sessions.makeRoom(principal({ subject: 'eve' }))).toThrow(
    'The limit of open sessions is reached: 3 in all',
  )
  sessions.remove('one')
  sessions.remove('one')
  expect(() => sessions.makeRoom(principal())).not.toThrow()
  expect(ended).toEqual(['one'])
})

test('a tenant that has a limit of its own cannot take the room of others', () => {
  open('one', { principal: principal({ tenantId: 'small' }), openStreams: 1 })
  const next = principal({ tenantId: 'small', subject: 'bob' })
  expect(() => sessions.makeRoom(next)).toThrow('The limit of open sessions is reached: 1 of this tenant')
  expect(() => sessions.makeRoom(principal())).not.toThrow()
  sessions.remove('one')
  expect(() => sessions.makeRoom(next)).not.toThrow()
})

test('at the limit, the least recently used session of the same principal without an open stream is closed', async () => {
  open('streaming', { openStreams: 1 })
  open('abandoned')
  open('other', { principal: principal({ subject: 'bob' }) })
  await clock.advance(1000)
  open('new')
  expect([ended, closed]).toEqual([['abandoned'], ['abandoned']])
  expect(sessions.of('streaming', principal(), 'sse').id).toBe('streaming')
  expect(sessions.of('other', principal({ subject: 'bob' }), 'sse').id).toBe('other')
})

test('an idle session ends; one that is used or has an open stream does not', async () => {
  open('idle')
  open('streaming', { openStreams: 1 })
  open('used', { principal: principal({ subject: 'bob' }) })
  await clock.advance(50_000)
  sessions.of('used', principal({ subject: 'bob' }), 'sse')
  await clock.advance(20_000)
  expect(ended).toEqual(['idle'])
  expect(closed).toEqual(['idle'])
})

test('closing ends every session and lets none begin', async () => {
  open('one')
  open('two', { transport: 'streamable-http' })
  expect(sessions.counts()).toEqual({ sse: 1, 'streamable-http': 1, websocket: 0 })
  sessions.close()
  expect(closed).toEqual(['one', 'two'])
  expect(sessions.counts()).toEqual({ sse: 0, 'streamable-http': 0, websocket: 0 })
  expect(() => sessions.makeRoom(principal())).toThrow(expect.objectContaining({ code: 'shutting_down' }))
  expect(clock.pending).toBe(0)
})
