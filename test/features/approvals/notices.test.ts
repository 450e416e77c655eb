import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { ApprovalRequest } from '../../../src/features/approvals/approval-request.ts'
import { Notices } from '../../../src/features/approvals/notices.ts'
import { Outbound } from '../../../src/outbound/outbound.ts'
import { INTERNET_ONLY } from '../../../src/domain/outbound/outbound-policy.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { silentLogger } from '../../support/silent-logger.ts'

const KEY = Buffer.alloc(32, 7)
const REQUEST: ApprovalRequest = {
  id: 'ap_1',
  tenantId: 'acme',
  requester: { subject: 'ann', issuer: 'test', agent: 'coder' },
  server: 'files',
  tool: 'drop',
  rule: 'caller',
  binding: 'not told',
  argumentBytes: 12,
  createdAt: Date.parse('2026-01-01T00:00:00Z'),
  expiresAt: Date.parse('2026-01-01T01:00:00Z'),
  status: 'open',
}

let server: Server
let url: string
let statuses: number[] = []
const got: { headers: Record<string, unknown>; body: string }[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      got.push({ headers: request.headers, body })
      response.writeHead(statuses.shift() ?? 200).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
})
afterAll(() => {
  server.close()
  server.closeAllConnections()
})
beforeEach(() => {
  got.splice(0)
  statuses = []
})

function notices(outbound = new Outbound()): { notices: Notices; clock: FakeClock; outcomes: string[] } {
  const clock = new FakeClock()
  const outcomes: string[] = []
  const made = new Notices({
    webhook: { url, secret: `whsec_${KEY.toString('base64')}` },
    outbound,
    pageOf: (id) => `https://gateway.example/dashboard/approvals/${id}`,
    onOutcome: (outcome) => void outcomes.push(outcome),
    clock,
    random: () => 0.5,
    logger: silentLogger,
  })
  return { notices: made, clock, outcomes }
}

test('a report is signed with its id and time, and has the page and no argument', async () => {
  const { notices: sender, outcomes } = notices()
  sender.report('requested', REQUEST)
  await eventually(() => outcomes.length === 1)
  const [{ headers, body } = { headers: {}, body: '' }] = got
  expect(JSON.parse(body)).toEqual({
    type: 'approval.requested',
    timestamp: '2026-01-01T00:00:00.000Z',
    data: {
      id: 'ap_1',
      tenantId: 'acme',
      server: 'files',
      tool: 'drop',
      rule: 'caller',
      status: 'open',
      requester: { subject: 'ann', agent: 'coder' },
      expiresAt: '2026-01-01T01:00:00.000Z',
      url: 'https://gateway.example/dashboard/approvals/ap_1',
    },
  })
  const signed = `${String(headers['webhook-id'])}.1767225600.${body}`
  expect(headers).toMatchObject({
    'webhook-timestamp': '1767225600',
    'webhook-signature': `v1,${createHmac('sha256', KEY).update(signed).digest('base64')}`,
    'content-type': 'application/json',
  })
  expect(outcomes).toEqual(['delivered'])
  sender.close()
})

test('a report that is not taken is sent again with pauses, five times at most, under the same id', async () => {
  const { notices: sender, clock, outcomes } = notices()
  statuses = [500, 503, 302, 400, 500, 200]
  sender.report('requested', REQUEST)
  for (const [sent, pauseMs] of [
    [1, 1000],
    [2, 5000],
    [3, 30_000],
    [4, 120_000],
  ] as const) {
    await eventually(() => got.length === sent && clock.pending === 1)
    await clock.advance(pauseMs - 1)
    expect(got).toHaveLength(sent)
    await clock.advance(1)
  }
  await eventually(() => outcomes.length === 1)
  expect(outcomes).toEqual(['failed'])
  expect(got).toHaveLength(5)
  expect(new Set(got.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  sender.close()
})

test('a webhook that is gone gets no report again', async () => {
  const { notices: sender, clock, outcomes } = notices()
  statuses = [410]
  sender.report('denied', REQUEST)
  await eventually(() => outcomes.length === 1)
  expect([outcomes, clock.pending]).toEqual([['failed'], 0])
  sender.close()
})

test('an address that the policy for outgoing requests does not allow gets nothing', async () => {
  const { notices: sender, clock } = notices(new Outbound({ policy: INTERNET_ONLY }))
  sender.report('approved', REQUEST)
  await eventually(() => clock.pending === 1)
  expect(got).toEqual([])
  sender.close()
  expect(clock.pending).toBe(0)
})

test('what nobody has to hear of is not reported', () => {
  const { notices: sender, outcomes } = notices()
  sender.report('used', REQUEST)
  sender.report('returned', REQUEST)
  expect([got, outcomes]).toEqual([[], []])
})

test('no more than a thousand reports wait', () => {
  const { notices: sender, outcomes } = notices(new Outbound({ policy: INTERNET_ONLY }))
  for (let count = 0; count < 1001; count += 1) sender.report('requested', REQUEST)
  expect(outcomes).toEqual(['dropped'])
  sender.close()
})
