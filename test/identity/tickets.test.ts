import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Principal } from '../../src/domain/principal.ts'
import { Tickets } from '../../src/identity/tickets.ts'
import { SqliteStateStore } from '../../src/state/sqlite/sqlite-state-store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const KEYS = { current: Buffer.alloc(32, 7) }
let clock: FakeClock
let dir: Awaited<ReturnType<typeof temporaryDirectory>>
let state: SqliteStateStore
let tickets: Tickets
let ann: Principal

beforeEach(async () => {
  clock = new FakeClock()
  dir = await temporaryDirectory()
  state = new SqliteStateStore({ dir: dir.path, clock })
  tickets = new Tickets({ keys: KEYS, state, clock })
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
    const replica = new Tickets({ keys: KEYS, state, clock })
    expect(await replica.redeem(ticket, '/ws/files')).toEqual(holder())
  })

  test('can be used once, at one of all replicas', async () => {
    const { ticket } = tickets.issue(holder(), '/ws')
    const replicas = [
      tickets,
      new Tickets({ keys: KEYS, state, clock }),
      new Tickets({ keys: KEYS, state, clock }),
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

  test('that was altered, comes from another gateway or is none is refused', async () => {
    const { ticket } = tickets.issue(holder(), '/ws')
    const other = new Tickets({ keys: { current: Buffer.alloc(32, 8) }, state, clock }).issue(
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
