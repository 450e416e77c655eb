import { describe, expect, test } from '@jest/globals'
import type { ErrorCode } from '../../../src/domain/errors/error-table.ts'
import { type ErrorFacts, GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import { Allowances } from '../../../src/calls/limits/allowances.ts'
import type { Caller } from '../../../src/calls/call.ts'
import { fallback } from '../../../src/calls/stages/fallback.ts'
import { Limits } from '../../../src/calls/limits/limits.ts'
import type { Offer } from '../../../src/upstream/discovery/discovery.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { needsClient, offer, server, tool } from '../../support/offers.ts'
import { caller, catalogOf, OneStage, operation, type OperationFields } from '../../support/routing.ts'

const ALPHA = server({ fallback: 'beta' })
const NOT_SENT: ErrorFacts = { server: 'alpha', mayHaveExecuted: false }

interface Options {
  readonly error?: GatewayError
  readonly beta?: Record<string, unknown>
  readonly offered?: Partial<Offer>
  readonly operation?: OperationFields
  readonly caller?: Caller
  readonly params?: JsonObject
  readonly more?: [ServerDefinition, Offer][]
  readonly alpha?: ServerDefinition
  readonly limits?: Limits
}

const failure = (code: ErrorCode, facts: ErrorFacts = NOT_SENT): GatewayError =>
  new GatewayError(code, undefined, { facts })

/** A call of `alpha_echo`, where alpha fails and every other server answers. */
async function run(options: Options = {}) {
  const { alpha = ALPHA, offered = { tools: [tool('echo')] } } = options
  const error = options.error ?? failure('upstream_unavailable')
  const catalog = catalogOf(
    [alpha, offer({ tools: [tool('echo')] })],
    [server({ name: 'beta', ...options.beta }), offer(offered)],
    ...(options.more ?? []),
  )
  const asked: string[] = []
  const counted: string[] = []
  const limits =
    options.limits ??
    new Limits({ allowances: new Allowances({ clock: new FakeClock() }), quotasOf: () => undefined })
  const stage = fallback({ catalog, limits, metrics: { fallback: (name) => counted.push(name) } })
  const what = operation(options.operation)
  const through = new OneStage(stage, catalog)
  const call = through.callOf(
    { server: alpha, name: 'echo' },
    {
      operation: what,
      ...(options.caller && { caller: options.caller }),
      params: { ...what.params, ...options.params },
    },
    ({ route: { server: target, name } }) => {
      asked.push(`${target.name} ${name}`)
      return target.name === 'alpha' ? Promise.reject(error) : { from: target.name }
    },
  )
  const outcome = await through.pass(call).catch((thrown: unknown) => thrown)
  return { outcome, asked, counted, call, sent: through.sent, error }
}

describe('if the server is unavailable', () => {
  test.each<ErrorCode>(['upstream_unavailable', 'circuit_open', 'upstream_busy'])(
    'the tool of the same name of the other server answers (%s)',
    async (code) => {
      const { outcome, asked, counted } = await run({ error: failure(code) })
      expect(outcome).toEqual({ from: 'beta' })
      expect(asked).toEqual(['alpha echo', 'beta echo'])
      expect(counted).toEqual(['alpha'])
    },
  )

  test('the tool is the one with the same exposed name, regardless of its name at the servers', async () => {
    const { asked } = await run({
      alpha: server({ fallback: 'beta', tools: { echo: { name: 'say' } } }),
      beta: { tools: { repeat: { name: 'say' } } },
      offered: { tools: [tool('echo'), tool('repeat')] },
    })
    expect(asked).toEqual(['alpha echo', 'beta repeat'])
  })

  test('the call is from then on one to the server that answers', async () => {
    const { call, sent } = await run()
    expect(sent.map(({ route }) => route.server.name)).toEqual(['alpha', 'beta'])
    expect([call.info.route?.server.name, call.info.decision]).toEqual([
      'beta',
      { effect: 'allow', ruleId: 'allow' },
    ])
  })

  test('the error is that of the other server when that fails too, and it has no fallback of its own', async () => {
    const broken = failure('upstream_unavailable', { server: 'beta', mayHaveExecuted: false })
    const catalog = catalogOf(
      [ALPHA, offer({ tools: [tool('echo')] })],
      [server({ name: 'beta', fallback: 'alpha' }), offer({ tools: [tool('echo')] })],
    )
    const limits = new Limits({
      allowances: new Allowances({ clock: new FakeClock() }),
      quotasOf: () => undefined,
    })
    let sent = 0
    const stage = fallback({ catalog, limits, metrics: { fallback: () => undefined } })
    const outcome = new OneStage(stage, catalog).run({ server: ALPHA, name: 'echo' }, {}, () => {
      sent += 1
      return Promise.reject(sent === 1 ? failure('circuit_open') : broken)
    })
    await expect(outcome).rejects.toBe(broken)
    expect(sent).toBe(2)
  })
})

describe('the error stays as it is', () => {
  test.each<[string, Options]>([
    ['where the call may have run', { error: failure('upstream_unavailable', { mayHaveExecuted: true }) }],
    ['where nobody said whether it ran', { error: failure('upstream_unavailable', {}) }],
    ['for an error that the server gave', { error: failure('upstream_error') }],
    ['for a timeout', { error: failure('upstream_timeout') }],
    ['where the caller has gone', { error: failure('cancelled') }],
    ['where the other server has no such tool', { offered: { tools: [tool('other')] } }],
    ['where the caller may not use the other server', { beta: { requiredRoles: ['editor'] } }],
    ['where the caller may not use that tool', { beta: { tools: { echo: { requiredRoles: ['editor'] } } } }],
    ['where the other server is of another tenant', { beta: { tenantId: 'other' } }],
    ['where the other server is disabled', { beta: { enabled: false } }],
    [
      'where the tool needs a client that can be asked',
      { offered: { tools: [tool('echo')], ...needsClient({ tools: ['echo'] }) } },
    ],
    ['where the document names the server itself', { alpha: server({ fallback: 'alpha' }) }],
    ['where no server has that name', { alpha: server({ fallback: 'gone' }) }],
    ['where the document names none', { alpha: server() }],
    ['for anything but a tool', { operation: { kind: 'prompt', method: 'prompts/get' } }],
    ['for what is to be a task', { params: { task: {} } }],
    [
      'for what belongs to a task',
      { params: { _meta: { 'io.modelcontextprotocol/related-task': { taskId: 't1' } } } },
    ],
    [
      "for the answers to the first server's questions",
      { params: { inputResponses: {}, requestState: 'x' } },
    ],
  ])('%s', async (_what, options) => {
    const { outcome, asked, error, counted } = await run(options)
    expect(outcome).toBe(error)
    expect(asked).toHaveLength(1)
    expect(counted).toEqual([])
  })

  test("where the other server's rate limit is used up", async () => {
    const limits = new Limits({
      allowances: new Allowances({ clock: new FakeClock() }),
      quotasOf: () => undefined,
    })
    const options = { limits, beta: { rateLimit: { calls: 1 } } }
    expect((await run(options)).outcome).toEqual({ from: 'beta' })
    expect((await run(options)).outcome).toMatchObject({ code: 'upstream_unavailable' })
    expect((await run({ ...options, caller: caller({ subject: 'bob' }) })).outcome).toEqual({ from: 'beta' })
  })
})
