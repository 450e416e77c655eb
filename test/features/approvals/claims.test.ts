import { beforeEach, describe, expect, test } from '@jest/globals'
import type { ApprovalEvent } from '../../../src/features/approvals/approval-request.ts'
import { Approvals } from '../../../src/features/approvals/approvals.ts'
import { type AskedCall, type Claim, Claims, type Use } from '../../../src/features/approvals/claims.ts'
import { OpenRequests } from '../../../src/features/approvals/open-requests.ts'
import { RequestKeys } from '../../../src/features/approvals/request-keys.ts'
import { RequestStore } from '../../../src/features/approvals/request-store.ts'
import type { StateEntry, StateStore } from '../../../src/state/state-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { memoryState } from '../../support/memory-state.ts'

const MINUTE = 60_000
const keys = { current: Buffer.alloc(32, 1) }
const bob = answerer('bob', ['approver'])

interface Replica {
  readonly claims: Claims
  readonly approvals: Approvals
}

let clock: FakeClock
let state: StateStore
let events: ApprovalEvent[]
let first: Replica
let second: Replica

beforeEach(() => {
  clock = new FakeClock()
  state = memoryState(clock)
  events = []
  first = replica()
  second = replica()
})

function replica(): Replica {
  const requests = new RequestStore({ store: state, keys })
  const options = {
    requests,
    openRequests: new OpenRequests({ requests, perPrincipal: 3, perTenant: 5 }),
    keys: new RequestKeys(keys),
    approverRoles: ['approver'],
    requestTtlMs: 60 * MINUTE,
    grantTtlMs: 15 * MINUTE,
    onEvent: (event: ApprovalEvent): void => void events.push(event),
    acts: { perform: async <T>(_actor: unknown, work: () => Promise<T> | T): Promise<T> => work() },
    clock,
  }
  return { claims: new Claims(options), approvals: new Approvals(options) }
}

/** The entry, which notes whenever its value is read. */
function counted(entry: StateEntry, read: string[]): StateEntry {
  return Object.defineProperty({ ...entry }, 'value', {
    get: () => {
      read.push(entry.version)
      return entry.value
    },
  })
}

function principal(subject: string, roles: string[] = []): AskedCall['principal'] {
  const more = { agent: undefined, scopes: [], issuer: 'test', expiresAtMs: 0 }
  return { tenantId: 'acme', subject, roles, ...more }
}

function answerer(subject: string, roles: string[] = [], isPerson = false) {
  return { principal: principal(subject, roles), requestId: 'r1', isPerson }
}

function call(content: Record<string, unknown>, changes: Partial<AskedCall> = {}): AskedCall {
  return {
    principal: principal('ann'),
    server: 'acme/files',
    tool: 'drop',
    content,
    rule: 'caller',
    about: { server: 'files', tool: 'drop' },
    shown: () => ({ shown: content, text: JSON.stringify(content), bytes: 2 }),
    ...changes,
  }
}

function idOf(claim: Claim): string {
  if (claim.state === 'approved') throw new Error('it was approved')
  return claim.request.id
}

function useOf(claim: Claim): Use {
  if (claim.state !== 'approved') throw new Error(`it was ${claim.state}`)
  return claim.use
}

/** Asks at one replica, and has it approved at the other. */
async function approved(asked: AskedCall): Promise<void> {
  await second.approvals.answer(idOf(await first.claims.claim(asked)), bob, { verdict: 'approved' })
}

describe('an approval', () => {
  test('that was given at one replica is used at another, once', async () => {
    await approved(call({ path: 'a' }))
    expect((await first.claims.claim(call({ path: 'a' }))).state).toBe('approved')
    expect((await second.claims.claim(call({ path: 'a' }))).state).toBe('open')
    expect(events).toEqual(['requested', 'approved', 'used', 'requested'])
  })

  test('is used by one of many equal calls at two replicas at the same time', async () => {
    await approved(call({ path: 'a' }))
    const claims = await Promise.all(
      [first, second, first, second, first].map(({ claims: each }) => each.claim(call({ path: 'a' }))),
    )
    expect(claims.filter(({ state: found }) => found === 'approved')).toHaveLength(1)
    expect(new Set(claims.filter(({ state: found }) => found === 'open').map(idOf)).size).toBe(1)
  })

  test.each([
    ['other arguments', { content: { path: 'b' } }],
    ['one more argument', { content: { path: 'a', force: true } }],
    ['another person', { principal: principal('cid') }],
    ['another role', { principal: principal('ann', ['admin']) }],
    ['another agent', { principal: { ...principal('ann'), agent: 'other' } }],
    ['another issuer', { principal: { ...principal('ann'), issuer: 'other' } }],
    ['another tenant', { principal: { ...principal('ann'), tenantId: 'globex' } }],
    ['another tool', { tool: 'read' }],
    ['another server', { server: 'acme/mail' }],
    ['a stricter rule', { rule: 'second-person' as const }],
  ])('does nothing for %s', async (_what, changes) => {
    await approved(call({ path: 'a' }))
    expect((await first.claims.claim(call({ path: 'a' }, changes))).state).toBe('open')
  })

  test('is for arguments in any order', async () => {
    await approved(call({ a: 1, b: { c: 2, d: 3 } }))
    expect((await first.claims.claim(call({ b: { d: 3, c: 2 }, a: 1 }))).state).toBe('approved')
  })

  test('does nothing when it has expired', async () => {
    await approved(call({}))
    await clock.advance(15 * MINUTE)
    expect((await first.claims.claim(call({}))).state).toBe('open')
  })

  test('can be used again by a call that could not be sent, until it would have expired', async () => {
    await approved(call({}))
    await clock.advance(10 * MINUTE)
    await first.claims.giveBack(useOf(await first.claims.claim(call({}))))
    const again = useOf(await second.claims.claim(call({})))
    await clock.advance(5 * MINUTE)
    await second.claims.giveBack(again)
    expect((await second.claims.claim(call({}))).state).toBe('open')
  })

  test('lets each next round of its call pass once, with the token of that round', async () => {
    await approved(call({}))
    const token = await first.claims.expectRound(useOf(await first.claims.claim(call({}))))
    expect(await second.claims.nextRound(call({}), 'wrong')).toBeUndefined()
    expect(await second.claims.nextRound(call({ other: 1 }), token ?? '')).toBeUndefined()
    expect(await second.claims.nextRound(call({}), token ?? '')).toBeDefined()
    expect(await second.claims.nextRound(call({}), token ?? '')).toBeUndefined()
  })
})

describe('a request', () => {
  test('is the same one for all equal calls, at every replica', async () => {
    const ids = [await first.claims.claim(call({})), await second.claims.claim(call({}))].map(idOf)
    expect(ids[0]).toBe(ids[1])
    expect(events).toEqual(['requested'])
  })

  test('can be answered until it expires', async () => {
    const id = idOf(await first.claims.claim(call({})))
    await clock.advance(60 * MINUTE)
    await expect(first.approvals.answer(id, bob, { verdict: 'approved' })).rejects.toMatchObject({
      code: 'approval_not_found',
    })
  })

  test('is answered by one of two who answer it at the same time', async () => {
    const id = idOf(await first.claims.claim(call({})))
    const answers = await Promise.allSettled([
      first.approvals.answer(id, bob, { verdict: 'approved' }),
      second.approvals.answer(id, answerer('eve', ['approver']), { verdict: 'denied' }),
    ])
    expect(answers.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    const refused = answers.find(({ status }) => status === 'rejected')
    expect(refused).toMatchObject({ reason: { code: 'approval_closed' } })
  })

  test('that was answered says nothing of a later one for an equal call', async () => {
    await approved(call({}))
    const before = useOf(await first.claims.claim(call({}))).request.id
    await first.claims.claim(call({}))
    await expect(first.approvals.answer(before, bob, { verdict: 'approved' })).rejects.toMatchObject({
      code: 'approval_not_found',
    })
  })

  test('that was denied refuses equal calls for a while, and then is asked again', async () => {
    const id = idOf(await first.claims.claim(call({})))
    await first.approvals.answer(id, bob, { verdict: 'denied', reason: 'no' })
    expect((await second.claims.claim(call({}))).state).toBe('denied')
    await clock.advance(15 * MINUTE)
    expect((await second.claims.claim(call({}))).state).toBe('open')
  })

  test('is refused beyond the limits of the caller and of the tenant, also at the same time', async () => {
    const ask = (subject: string, n: number): Promise<Claim> =>
      first.claims.claim(call({ n }, { principal: principal(subject) }))
    const tooMany = { status: 'rejected', reason: { code: 'too_many_approvals' } }
    const own = await Promise.allSettled([1, 2, 3, 4, 5, 6].map((n) => ask('ann', n)))
    const made = own.filter(({ status }) => status === 'fulfilled').length
    expect(made).toBeLessThanOrEqual(3)
    for (let n = made + 10; n < 13; n += 1) await ask('ann', n)
    await expect(Promise.allSettled([ask('ann', 20)])).resolves.toMatchObject([tooMany])
    for (const n of [1, 2]) await ask('cid', n)
    await expect(Promise.allSettled([ask('dan', 1)])).resolves.toMatchObject([tooMany])
  })

  test('is refused where a tenant has 25 times as many as it may have open, with those that have ended', async () => {
    const ask = async (subject: string, n: number): Promise<Claim> =>
      first.claims.claim(call({ n }, { principal: principal(subject) }))
    for (let n = 0; n < 125; n += 1) {
      const asked = await ask(`caller ${n % 2}`, n)
      await second.approvals.answer(idOf(asked), bob, { verdict: 'denied' })
    }
    await expect(ask('dan', 0)).rejects.toMatchObject({
      code: 'too_many_approvals',
      message: 'The tenant has 125 calls that wait for approval or were answered lately, which is the limit',
    })
    await clock.advance(15 * MINUTE)
    expect((await ask('dan', 0)).state).toBe('open')
  })

  test('has room beside those that have ended, of which a caller has 25 times as many as it may have open', async () => {
    for (let n = 0; n < 75; n += 1) {
      expect((await first.claims.claim(call({ n }))).state).toBe('open')
      await approved(call({ n }))
      await first.claims.claim(call({ n }))
    }
    await expect(first.claims.claim(call({ n: 75 }))).rejects.toMatchObject({
      code: 'too_many_approvals',
      message: 'The caller has 75 calls that wait for approval or were answered lately, which is the limit',
    })
    const other = call({ n: 75 }, { principal: principal('cid') })
    expect((await first.claims.claim(other)).state).toBe('open')
    await clock.advance(60 * MINUTE)
    expect((await first.claims.claim(call({ n: 75 }))).state).toBe('open')
  })

  test('is opened and checked once for each of its versions, however often requests are listed', async () => {
    const entries: StateEntry[] = []
    const read: StateEntry['version'][] = []
    const store: StateStore = {
      ...state,
      list: async (...given) => {
        const page = await state.list(...given)
        entries.push(...page.entries)
        return { ...page, entries: page.entries.map((entry) => counted(entry, read)) }
      },
    }
    await first.claims.claim(call({ n: 1 }))
    await first.claims.claim(call({ n: 2 }))
    const requests = new RequestStore({ store, keys })
    for (let times = 0; times < 3; times += 1)
      expect(await requests.list('acme', { limit: 10 })).toHaveLength(2)
    expect(read.toSorted()).toEqual(
      entries
        .slice(0, 2)
        .map(({ version }) => version)
        .toSorted(),
    )
    await first.approvals.answer(idOf(await first.claims.claim(call({ n: 1 }))), bob, { verdict: 'denied' })
    expect((await requests.list('acme', { limit: 10 })).map(({ status }) => status).toSorted()).toEqual([
      'denied',
      'open',
    ])
    expect(read).toHaveLength(3)
  })

  test('says nothing of its arguments in the store', async () => {
    await first.claims.claim(call({ path: 'very-private' }))
    const kept = await Promise.all(
      ['approvals', 'approval-arguments'].map((collection) => state.list(collection, '', { limit: 10 })),
    )
    expect(kept.map(({ entries }) => entries.length)).toEqual([1, 1])
    expect(JSON.stringify(kept)).not.toContain('very-private')
    expect(JSON.stringify(kept)).not.toContain('drop')
  })
})

test('a call that waits hears of the answer that was given at another replica', async () => {
  const claim = await first.claims.claim(call({}))
  const waiting = first.approvals
    .untilAnswered(
      { id: idOf(claim), tenantId: 'acme' },
      { signal: new AbortController().signal, withinMs: MINUTE },
    )
    .then(() => clock.monotonic())
  await clock.advance(2500)
  await second.approvals.answer(idOf(claim), bob, { verdict: 'approved' })
  await clock.advance(1000)
  expect(await waiting).toBe(3000)
})

test('whoever may not see a request learns nothing of it', async () => {
  const id = idOf(await first.claims.claim(call({})))
  const refused = { code: 'approval_not_found' }
  for (const who of [principal('cid'), { ...principal('ann'), tenantId: 'globex' }])
    await expect(first.approvals.find(id, who)).rejects.toMatchObject(refused)
  for (const wrong of ['', 'x', `${id}x`, id.slice(1), `${id.slice(0, -1)}~`])
    await expect(first.approvals.find(wrong, bob.principal)).rejects.toMatchObject(refused)
  expect(await first.approvals.find(id, principal('ann'))).toMatchObject({ id, tool: 'drop' })
  expect(await first.approvals.list(principal('cid'))).toEqual([])
  expect(await first.approvals.list(bob.principal)).toMatchObject([{ id }])
})
