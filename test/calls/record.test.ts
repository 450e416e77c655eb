import { beforeEach, expect, test } from '@jest/globals'
import type { AuditLog } from '../../src/audit/audit-log.ts'
import type { PendingRecord } from '../../src/audit/usage-record.ts'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { RefusalTiming } from '../../src/domain/errors/refusal-timing.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Call, CallInfo } from '../../src/calls/call.ts'
import { record } from '../../src/calls/record.ts'
import type { CallLabels, Metrics } from '../../src/telemetry/metrics/metrics.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { server } from '../support/offers.ts'
import { caller, operation, unroutedCall } from '../support/routing.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { atOnce } from './chain-parts.ts'

const ROUTE = { server: server(), name: 'echo' }

let records: PendingRecord[]
let counted: CallLabels[]
let durations: number[]
let clock: FakeClock
let isFull: boolean
let written: Promise<boolean>
let refusalTiming: RefusalTiming

beforeEach(() => {
  written = Promise.resolve(true)
  records = []
  counted = []
  durations = []
  clock = new FakeClock()
  refusalTiming = atOnce(clock)
  isFull = false
})

async function run(call: Call, answer: () => Promise<JsonObject>): Promise<JsonObject> {
  const audit = {
    reserve: () => {
      if (isFull) throw new GatewayError('audit_unavailable')
    },
    record: (pending: PendingRecord) => records.push(pending),
    flushWithin: () => written,
  }
  const metrics = {
    call: (labels: CallLabels, durationMs: number) => {
      counted.push(labels)
      durations.push(durationMs)
    },
  }
  const options = {
    audit: audit as unknown as AuditLog,
    metrics: metrics as unknown as Metrics,
    refusalTiming,
    clock,
    logger: silentLogger,
  }
  const recorded = record(options, async () => ({ result: await answer(), route: ROUTE }))
  return (await recorded(call)).result
}

/** A call that was let through, unless `info` says otherwise. */
function allowed({ info, ...fields }: Partial<Omit<Call, 'info'>> & { info?: Partial<CallInfo> } = {}): Call {
  const decision = { effect: 'allow', ruleId: 'allow' } as const
  return unroutedCall({ ...fields, info: { route: ROUTE, decision, instance: 'alpha-1', ...info } })
}

test('of attempts of one instant, the one that began first has the id that sorts first, though it ends last', async () => {
  await run(allowed({ operation: operation({ name: 'outer' }) }), async () => {
    await run(allowed({ operation: operation({ name: 'inner' }) }), () => Promise.resolve({}))
    return {}
  })
  expect(records.toSorted((a, b) => (a.id < b.id ? -1 : 1)).map(({ target }) => target)).toEqual([
    'outer',
    'inner',
  ])
})

test('a call that was answered is recorded with sizes and time, and its result comes through', async () => {
  const result = { content: [], x: 'é' }
  const answer = run(allowed({ caller: caller({ agent: 'planner' }, 's-1') }), async () => {
    await clock.advance(12.3456)
    return result
  })
  expect(await answer).toBe(result)
  expect(records).toEqual([
    {
      id: expect.any(String),
      atMs: Date.parse('2026-01-01T00:00:00Z'),
      tenantId: 'acme',
      subject: 'ann',
      roles: [],
      clientName: null,
      address: null,
      ruleDocument: 'servers/acme/alpha',
      agent: 'planner',
      face: 'rest',
      sessionId: 's-1',
      requestId: 'r-1',
      action: 'call',
      target: 'alpha_echo',
      server: 'alpha',
      instance: 'alpha-1',
      effect: 'allow',
      ruleId: 'allow',
      outcome: 'ok',
      code: null,
      durationMs: 12.346,
      requestBytes: 7,
      responseBytes: 23,
      argumentsText: '{"a":1}',
      isCanonical: true,
    },
  ])
  expect(counted).toEqual([{ face: 'rest', action: 'call', outcome: 'ok', server: 'alpha' }])
})

test('with the queue full nothing runs and nothing is recorded', async () => {
  isFull = true
  let ran = false
  const answer = run(allowed(), () => {
    ran = true
    return Promise.resolve({})
  })
  await expect(answer).rejects.toMatchObject({ code: 'audit_unavailable' })
  expect([ran, records, counted]).toEqual([false, [], []])
})

test('a result that cannot be written as JSON is a bad response, and recorded', async () => {
  const result: JsonObject = {}
  result['self'] = result
  await expect(run(allowed(), () => Promise.resolve(result))).rejects.toMatchObject({
    code: 'upstream_bad_response',
    facts: { server: 'alpha', mayHaveExecuted: true },
  })
  expect(records).toMatchObject([{ outcome: 'error', code: 'upstream_bad_response', responseBytes: 0 }])
  expect(counted).toMatchObject([{ outcome: 'error', code: 'upstream_bad_response', owner: 'upstream' }])
})

test('what the tool itself calls an error is one', async () => {
  await run(allowed(), () => Promise.resolve({ content: [], isError: true }))
  expect(records).toMatchObject([{ outcome: 'tool_error', code: null }])
})

test.each([
  ['cancelled', 'cancelled', 'client'],
  ['upstream_timeout', 'error', 'upstream'],
  ['resource_not_found', 'error', 'client'],
] as const)('a call that fails with %s is recorded as %s', async (code, outcome, owner) => {
  await expect(run(allowed(), () => Promise.reject(new GatewayError(code)))).rejects.toMatchObject({ code })
  expect(records).toMatchObject([{ outcome, code, effect: 'allow' }])
  expect(counted).toEqual([{ face: 'rest', action: 'call', outcome, server: 'alpha', code, owner }])
})

test('a defect is an internal error to the caller, and recorded', async () => {
  const defect = new TypeError('secret detail')
  await expect(run(allowed(), () => Promise.reject(defect))).rejects.toMatchObject({
    code: 'internal',
    message: 'An internal error occurred in the gateway',
    cause: defect,
  })
  expect(records).toMatchObject([{ outcome: 'error', code: 'internal' }])
})

test('a denied call is recorded with its server and rule, and counted without the server', async () => {
  const it = allowed({ info: { decision: { effect: 'deny', ruleId: 'tool-roles' }, instance: undefined } })
  await expect(run(it, () => Promise.reject(new GatewayError('tool_not_found')))).rejects.toThrow(
    'Unknown tool',
  )
  expect(records).toMatchObject([
    { outcome: 'denied', effect: 'deny', ruleId: 'tool-roles', server: 'alpha' },
  ])
  expect(counted).toMatchObject([{ outcome: 'denied', server: 'none', rule: 'tool-roles' }])
})

test('a call of something unknown is recorded as denied, with its target cut and empty arguments', async () => {
  const it = unroutedCall({ operation: operation({ name: 'x'.repeat(300), params: {} }) })
  await expect(run(it, () => Promise.reject(new GatewayError('tool_not_found')))).rejects.toThrow(
    'Unknown tool',
  )
  expect(records).toMatchObject([
    {
      outcome: 'denied',
      effect: 'deny',
      ruleId: 'unknown-target',
      server: null,
      instance: null,
      sessionId: null,
      agent: null,
      target: 'x'.repeat(256),
      argumentsText: '{}',
      isCanonical: true,
    },
  ])
  expect(counted).toMatchObject([{ server: 'none', rule: 'unknown-target' }])
})

test('a call of a server that has not answered yet is allowed and an error, with the server', async () => {
  const it = allowed({ info: { route: undefined, instance: undefined } })
  const unavailable = new GatewayError('upstream_unavailable', undefined, { facts: { server: 'alpha' } })
  await expect(run(it, () => Promise.reject(unavailable))).rejects.toBe(unavailable)
  expect(records).toMatchObject([
    { effect: 'allow', ruleId: 'allow', outcome: 'error', code: 'upstream_unavailable', server: 'alpha' },
  ])
  expect(counted).toMatchObject([{ outcome: 'error', server: 'alpha', code: 'upstream_unavailable' }])
})

test.each([
  ['an answer', () => Promise.resolve({}), {}],
  ['an error', () => Promise.reject(new GatewayError('upstream_timeout')), 'upstream_timeout'],
] as const)('%s goes out once its record is written, and counts that time', async (_what, next, expected) => {
  const { promise, resolve } = Promise.withResolvers<boolean>()
  written = promise
  let isAnswered = false
  const answer = run(allowed(), next)
    .catch(({ code }: GatewayError) => code)
    .finally(() => (isAnswered = true))
  await clock.advance(5)
  expect([records.length, isAnswered, durations]).toEqual([1, false, []])
  resolve(true)
  expect(await answer).toEqual(expected)
  expect(durations).toEqual([5])
})

test('an answer whose record cannot be written in time is an error that says that the call may have run', async () => {
  written = Promise.resolve(false)
  await expect(run(allowed(), () => Promise.resolve({}))).rejects.toMatchObject({
    code: 'audit_unavailable',
    facts: { mayHaveExecuted: true },
  })
})

test('what is denied and what is unknown are recorded at once, and refused at one instant after they arrived', async () => {
  refusalTiming = new RefusalTiming({ clock })
  const refused: number[] = []
  const refuse = async (workMs: number, decision: CallInfo['decision']): Promise<void> => {
    const startedAt = clock.monotonic()
    const sender = { ...caller(), arrivedAt: startedAt - 1 }
    const call = unroutedCall({ caller: sender, startedAt, info: { decision } as CallInfo })
    const { promise, reject } = Promise.withResolvers<never>()
    clock.after(workMs, () => reject(new GatewayError('tool_not_found')))
    run(call, () => promise).catch(() => refused.push(clock.monotonic() - startedAt))
    await clock.advance(workMs)
    expect(records).toHaveLength(refused.length + 1)
    await clock.advance(10 - workMs)
  }
  await refuse(0.25, { effect: 'deny', ruleId: 'server-roles' })
  await refuse(0.5, undefined)
  expect(refused).toEqual([10, 10])
  expect(durations).toEqual([0.25, 0.5])
})
