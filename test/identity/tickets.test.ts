import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Principal } from '../../src/domain/principal.ts'
import { RevokedGrants } from '../../src/identity/own-issuer/revoked-grants.ts'
import { Tickets } from '../../src/identity/tickets.ts'
import { SqliteStateStore } from '../../src/state/sqlite/sqlite-state-store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const KEYS = { current: Buffer.alloc(32, 7) }
let clock: FakeClock
let dir: Awaited<ReturnType<typeof temporaryDirectory>>
let state: SqliteStateStore
let revokedGrants: RevokedGrants
let tickets: Tickets
let ann: Principal

beforeEach(async () => {
  clock = new FakeClock()
  dir = await temporaryDirectory()
  state = new SqliteStateStore({ dir: dir.path, clock })
  revokedGrants = new RevokedGrants({ clock })
  tickets = new Tickets({ keys: KEYS, state, revokedGrants, clock })
  ann = {
    tenantId: 'acme',
    subject: 'ann',
    agent: undefined,
    roles: ['reader'],
    scopes: ['tools.echo'],
    issuer: 'https://id.example',
    expiresAtMs: clock.now() + 3_600_000,
  }
})

afterEach(async () => {
  await state.close()
  await dir[Symbol.asyncDispose]()
})

const holder = (): { principal: Principal; clientName: string } => ({ principal: ann, clientName: 'page' })

describe('a ticket', () => {
  test('says who it is for, to every replica with the same key', async () => {
    const { ticket, expiresAtMs } = tickets.issue(holder(), '/ws/files')
    expect(expiresAtMs).toBe(clock.now() + 30_000)
    const replica = new Tickets({ keys: KEYS, state, revokedGrants, clock })
    expect(await replica.redeem(ticket, '/ws/files')).toEqual(holder())
  })

  test('can be used once, at one of all replicas', async () => {
    const { ticket } = tickets.issue(holder(), '/ws')
    const replicas = [
      tickets,
      new Tickets({ keys: KEYS, state, revokedGrants, clock }),
      new Tickets({ keys: KEYS, state, revokedGrants, clock }),
    ]
    const outcomes = await Promise.allSettled(replicas.map((replica) => replica.redeem(ticket, '/ws')))
    const refusals = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(refusals.map(({ reason }): unknown => reason)).toMatchObject([
      { code: 'invalid_ticket', message: 'The ticket has been used.' },
      { code: 'invalid_ticket', message: 'The ticket has been used.' },
    ])
  })

  test.each([
    ['30 seconds later', '/ws', 30_001, 'The ticket has expired.'],
    ['at another path', '/ws/files', 0, 'The ticket is for a different path of this gateway.'],
  ])('is refused %s, and can be used where it belongs nevertheless', async (_what, path, ms, message) => {
    const { ticket } = tickets.issue(holder(), '/ws')
    await clock.advance(ms)
    await expect(tickets.redeem(ticket, path)).rejects.toMatchObject({ code: 'invalid_ticket', message })
  })

  test('ends with the token that it was issued to', async () => {
    ann = { ...ann, expiresAtMs: clock.now() + 5000 }
    const { ticket, expiresAtMs } = tickets.issue(holder(), '/ws')
    expect(expiresAtMs).toBe(ann.expiresAtMs)
    await clock.advance(5001)
    await expect(tickets.redeem(ticket, '/ws')).rejects.toMatchObject({ message: 'The ticket has expired.' })
  })

  test('keeps the grant of the token that it was issued to, and is refused once that is revoked', async () => {
    ann = { ...ann, grant: revokedGrants.grant('of-claude') }
    const [used, unused] = [tickets.issue(holder(), '/ws'), tickets.issue(holder(), '/ws')]
    const { principal } = await tickets.redeem(used.ticket, '/ws')
    const ended: string[] = []
    principal.grant?.onRevoked(() => ended.push('the WebSocket'))
    expect([principal.grant?.id, principal.grant?.isRevoked()]).toEqual(['of-claude', false])
    revokedGrants.revoke('of-claude')
    expect([principal.grant?.isRevoked(), ended]).toEqual([true, ['the WebSocket']])
    await expect(tickets.redeem(unused.ticket, '/ws')).rejects.toMatchObject({
      code: 'invalid_ticket',
      message: 'What the ticket was granted has been revoked.',
    })
  })

  test('that was altered, comes from another gateway or is none is refused', async () => {
    const { ticket } = tickets.issue(holder(), '/ws')
    const other = new Tickets({ keys: { current: Buffer.alloc(32, 8) }, state, revokedGrants, clock }).issue(
      holder(),
      '/ws',
    ).ticket
    const altered = `${ticket.slice(0, 40)}${ticket[40] === 'A' ? 'B' : 'A'}${ticket.slice(41)}`
    for (const bad of [altered, other, '', 'abc', 'x'.repeat(20_000)])
      await expect(tickets.redeem(bad, '/ws')).rejects.toMatchObject({
        code: 'invalid_ticket',
        message: 'The ticket was not issued by this gateway.',
      })
  })

  test('shows nothing of its holder', () => {
    const { ticket } = tickets.issue(holder(), '/ws')
    expect(Buffer.from(ticket, 'base64url').toString('latin1')).not.toMatch(/ann|acme|reader/)
  })
})
