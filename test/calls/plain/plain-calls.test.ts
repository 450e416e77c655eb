import { expect, test } from '@jest/globals'
import type { AuditLog } from '../../../src/audit/audit-log.ts'
import type { PendingRecord } from '../../../src/audit/usage-record.ts'
import type { Operation } from '../../../src/calls/call.ts'
import { Calls } from '../../../src/calls/calls.ts'
import { Allowances } from '../../../src/calls/limits/allowances.ts'
import { Limits } from '../../../src/calls/limits/limits.ts'
import { callChain } from '../../../src/calls/call-chain.ts'
import type { Stage } from '../../../src/calls/stage.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { FakeConnection } from '../../upstream/fake-connection.ts'
import { server, world, type World } from '../../upstream/world.ts'
import { offer, snapshotOf, tool } from '../../support/offers.ts'
import { caller, catalogOf, methodOf } from '../../support/routing.ts'
import { chainParts } from '../chain-parts.ts'

const TEXT = { content: [{ type: 'text', text: 'yes' }] }
const TOOL = tool('look', { annotations: { readOnlyHint: true } })

interface Given {
  readonly document?: Record<string, unknown>
  readonly ownStages?: readonly Stage[]
  readonly callsPerMinute?: number
}

/** A gateway's call chain in front of one server, whose answers a test sets. */
async function plainWorld({ document = {}, ownStages = [], callsPerMinute }: Given = {}) {
  const made: World = world()
  const definition = server({ name: 'sample', tenantId: 'acme', retry: { maxAttempts: 2 }, ...document })
  const answers: Record<string, () => JsonObject | Promise<JsonObject>> = {}
  const connection = new FakeConnection(answers)
  made.upstreams.start(definition)
  made.servers.last.succeed(connection)
  await made.clock.advance(0)
  const catalog = catalogOf([definition, offer({ tools: [TOOL] })])
  const records: PendingRecord[] = []
  const parts = chainParts(catalog, () => ({}), {
    clock: made.clock,
    upstreams: made.upstreams,
    ownStages,
    limits: new Limits({
      allowances: new Allowances({ clock: made.clock }),
      quotasOf: () => (callsPerMinute === undefined ? undefined : { callsPerMinute }),
    }),
    audit: {
      reserve: () => undefined,
      record: (record: PendingRecord) => records.push(record),
      flushWithin: () => Promise.resolve(true),
    } as unknown as AuditLog,
  })
  const { run, targets } = callChain(parts)
  const calls = new Calls({ clock: made.clock, chain: run })
  const who = caller({})
  return {
    ...made,
    catalog,
    definition,
    answers,
    connection,
    records,
    call: (fields: Partial<Operation> = {}) =>
      calls.run(who, operation(fields)).catch((error: unknown) => (error as GatewayError).code),
    isPlain: () => targets.of(who, operation()) !== undefined,
    mayCall: (capabilities: JsonObject, fields: Partial<Operation> = {}) =>
      targets.mayCall(who, operation(fields), capabilities),
    inFlight: () => made.upstreams.status('acme/sample')?.instances.map(({ inFlight }) => inFlight),
  }
}

function operation(fields: Partial<Operation> = {}): Operation {
  return {
    action: 'call',
    kind: 'tool',
    name: 'sample_look',
    scope: undefined,
    method: methodOf('tools/call'),
    params: { name: 'sample_look', arguments: {} },
    signal: new AbortController().signal,
    ...fields,
  }
}

test('sends a plain call under the own name of the tool, and records it once', async () => {
  const { answers, call, connection, records, inFlight, isPlain } = await plainWorld()
  answers['tools/call'] = () => TEXT
  expect(isPlain()).toBe(true)
  expect(await call()).toEqual(TEXT)
  expect(connection.requests.filter(({ method }) => method === 'tools/call')).toEqual([
    { method: 'tools/call', params: { name: 'look', arguments: {} } },
  ])
  expect(records).toMatchObject([{ outcome: 'ok', server: 'sample', effect: 'allow', responseBytes: 42 }])
  expect(inFlight()).toEqual([0])
})

test('passes the SDK where the server may ask nothing of what the client of a session can answer', async () => {
  const { mayCall } = await plainWorld({ document: { clientCapabilities: ['elicitation', 'sampling'] } })
  expect(mayCall({})).toBe(true)
  expect(mayCall({ roots: { listChanged: true }, experimental: { x: {} } })).toBe(true)
  expect(mayCall({ roots: {}, elicitation: {} })).toBe(false)
  expect(mayCall({ sampling: {} })).toBe(false)
  const closed = await plainWorld({ document: { clientCapabilities: [] } })
  expect(closed.mayCall({ roots: {}, elicitation: {}, sampling: {} })).toBe(true)
})

test('repeats a failed call that only reads as the general stages do, and records it once', async () => {
  const { answers, call, clock, records, inFlight } = await plainWorld()
  let times = 0
  answers['tools/call'] = () => {
    times += 1
    if (times === 1)
      throw new GatewayError('upstream_unavailable', undefined, { facts: { mayHaveExecuted: true } })
    return TEXT
  }
  const outcome = call()
  await clock.advance(10_000)
  expect([await outcome, times]).toEqual([TEXT, 2])
  expect(records).toMatchObject([{ outcome: 'ok' }])
  expect(inFlight()).toEqual([0])
})

test('opens the circuit breaker by calls that fail, and closes it by one that succeeds', async () => {
  const document = {
    retry: { maxAttempts: 1 },
    circuitBreaker: { failureThreshold: 2, recoveryTimeoutMs: 1000 },
  }
  const { answers, call, clock, inFlight } = await plainWorld({ document })
  answers['tools/call'] = () => {
    throw new GatewayError('upstream_timeout', undefined, { facts: { mayHaveExecuted: true } })
  }
  expect([await call(), await call(), await call()]).toEqual([
    'upstream_timeout',
    'upstream_timeout',
    'circuit_open',
  ])
  answers['tools/call'] = () => TEXT
  await clock.advance(1000)
  expect([await call(), await call()]).toEqual([TEXT, TEXT])
  expect(inFlight()).toEqual([0])
})

test('takes one call from a quota, also of a call that fails', async () => {
  const { answers, call, inFlight } = await plainWorld({
    callsPerMinute: 2,
    document: { retry: { maxAttempts: 1 } },
  })
  answers['tools/call'] = () => {
    throw new GatewayError('upstream_timeout', undefined, { facts: { mayHaveExecuted: true } })
  }
  expect([await call(), await call(), await call()]).toEqual([
    'upstream_timeout',
    'upstream_timeout',
    'rate_limited',
  ])
  expect(inFlight()).toEqual([0])
})

test('gives a link of the server its alias, as in every other call', async () => {
  const { answers, call } = await plainWorld()
  answers['tools/call'] = () => ({ content: [{ type: 'resource_link', name: 'a', uri: 'own://a' }] })
  expect(await call()).toEqual({
    content: [{ type: 'resource_link', name: 'a', uri: 'sample+own://a' }],
  })
})

test.each([
  ['a role is required', { requiredRoles: ['admin'] }],
  ['the server is disabled', { enabled: false }],
  ['the tool is excluded', { tools: { exclude: ['look'] } }],
])('refuses the next call once %s', async (_what, change) => {
  const { answers, call, catalog, definition } = await plainWorld()
  answers['tools/call'] = () => TEXT
  expect(await call()).toEqual(TEXT)
  catalog.applySnapshot(snapshotOf({ ...definition, ...change }))
  expect(await call()).toBe('tool_not_found')
})

test.each([
  ['a stage of the operator', { ownStages: [(routed, next) => next(routed)] as Stage[] }],
  ['a cache of its results', { document: { tools: { look: { cacheTtlMs: 1000 } } } }],
  ['arguments that are set', { document: { tools: { look: { fixed: { a: 1 } } } } }],
  ['a fallback', { document: { fallback: 'other' } }],
  ['a connection for each session', { document: { sharing: 'session' } }],
])('leaves a tool with %s to the general stages', async (_what, given) => {
  const { isPlain } = await plainWorld(given)
  expect(isPlain()).toBe(false)
})

test('ends a call when its caller cancels it, records that, and returns its permit', async () => {
  const { answers, call, records, inFlight } = await plainWorld()
  answers['tools/call'] = () => new Promise<JsonObject>(() => undefined)
  const end = new AbortController()
  const outcome = call({ signal: end.signal })
  expect(inFlight()).toEqual([1])
  end.abort()
  expect(await outcome).toBe('cancelled')
  expect(records).toMatchObject([{ outcome: 'cancelled' }])
  expect(inFlight()).toEqual([0])
})

test('sends the next call over the new connection once the server was restarted', async () => {
  const { answers, call, clock, servers, upstreams, inFlight } = await plainWorld()
  answers['tools/call'] = () => TEXT
  expect(await call()).toEqual(TEXT)
  upstreams.restart('acme/sample', 'an operator wants it')
  servers.last.succeed(new FakeConnection({ 'tools/call': () => ({ content: [] }) }))
  await clock.advance(0)
  expect(await call()).toEqual({ content: [] })
  expect(inFlight()).toEqual([0])
})

test('refuses the next call once the server was halted', async () => {
  const { answers, call, upstreams } = await plainWorld({ document: { retry: { maxAttempts: 1 } } })
  answers['tools/call'] = () => TEXT
  expect(await call()).toEqual(TEXT)
  upstreams.halt('acme/sample', 'an operator wants it')
  expect(await call()).toBe('upstream_unavailable')
})
