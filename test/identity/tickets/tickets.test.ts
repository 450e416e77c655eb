import { beforeEach, describe, expect, test } from '@jest/globals'
import type { Principal } from '../../../src/domain/principal.ts'
import { OneTimeUseInMemory } from '../../../src/identity/tickets/one-time-use.ts'
import { Tickets } from '../../../src/identity/tickets/tickets.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const KEY = Buffer.alloc(32, 7)
let clock: FakeClock
let tickets: Tickets
let ann: Principal

beforeEach(() => {
  clock = new FakeClock()
  const uses = new OneTimeUseInMemory({ clock })
  tickets = new Tickets({ key: KEY, uses, clock })
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

const holder = (): { principal: Principal; clientName: string } => ({ principal: ann, clientName: 'page' })

describe('a ticket', () => {
  test('says who it is for, to every replica with the same key', async () => {
    const { ticket, expiresAtMs } = tickets.issue(holder(), '/ws/files')
    expect(expiresAtMs).toBe(clock.now() + 30_000)
    const replica = new Tickets({ key: KEY, uses: new OneTimeUseInMemory({ clock }), clock })
    expect(await replica.redeem(ticket, '/ws/files')).toEqual(holder())
  })

  test('can be used once', async () => {
    const { ticket } = tickets.issue(holder(), '/ws')
    await tickets.redeem(ticket, '/ws')
    await expect(tickets.redeem(ticket, '/ws')).rejects.toMatchObject({
      code: 'invalid_ticket',
      message: 'The ticket has been used.',
    })
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
    const uses = new OneTimeUseInMemory({ clock })
    const other = new Tickets({ key: Buffer.alloc(32, 8), uses, clock }).issue(holder(), '/ws').ticket
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

test('uses are forgotten once they cannot be repeated', async () => {
  const uses = new OneTimeUseInMemory({ clock })
  for (let id = 0; id < 999; id += 1) await uses.claim(String(id), clock.now() + 1000)
  await clock.advance(1001)
  await uses.claim('last', clock.now() + 1000)
  expect(await uses.claim('0', clock.now() + 1000)).toBe(true)
  expect(await uses.claim('last', clock.now() + 1000)).toBe(false)
})
