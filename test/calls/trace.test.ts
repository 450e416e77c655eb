import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Decision } from '../../src/domain/access-policy.ts'
import type { ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Authorize } from '../../src/calls/authorize.ts'
import { traceDecision, traceRequest, traceUpstream } from '../../src/calls/trace.ts'
import type { Connection } from '../../src/upstream/connection/connection.ts'
import { server } from '../support/offers.ts'
import { recordSpans } from '../support/recorded-spans.ts'
import { operation, type OperationFields, routedCall, unroutedCall } from '../support/routing.ts'
import { definitionOf } from '../support/server-definitions.ts'

const SECRET = 'hunter2-canary'
const CALLERS = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
const HTTP = `https://example.com:8443/mcp?key=${SECRET}`

const connection: Connection = {
  era: 'legacy',
  protocolVersion: '2025-11-25',
  capabilities: {},
  instructions: undefined,
  serverInfo: undefined,
  pid: undefined,
  request: () => Promise.reject(new Error('not used')),
  notify: () => undefined,
  watchResources: () => Promise.reject(new Error('not used')),
  close: () => Promise.resolve(),
}

/** A decision on a call of `alpha_echo`. */
interface Decided {
  readonly decision: Decision | undefined
  readonly failure?: GatewayError
}
const ALLOWED: Decided = { decision: { effect: 'allow', ruleId: 'allow' } }
const DENIED: Decided = {
  decision: { effect: 'deny', ruleId: 'tool-roles' },
  failure: new GatewayError('tool_not_found'),
}

/** Reaches that decision of every call to a server. */
function deciding(target: ServerDefinition, { decision, failure }: Decided): Authorize {
  const route = { server: target, name: 'echo' }
  return (call) => {
    call.info.decision = decision
    if (decision !== undefined) call.info.route = route
    if (failure !== undefined) throw failure
    return routedCall(route, call)
  }
}

/** A request through the decision and upstream, as the gateway does it. */
function request(
  options: {
    operation?: OperationFields
    decided?: Decided
    answer?: (params: JsonObject) => Promise<JsonObject>
    over?: 'mcp' | 'rest'
    url?: string
  } = {},
): Promise<JsonObject> {
  const asked = unroutedCall({ operation: operation(options.operation) })
  const { answer = (params) => Promise.resolve({ sent: params }), url } = options
  const target =
    url === undefined ? server() : definitionOf({ name: 'alpha', transport: 'streamable-http', url })
  const authorized = traceDecision(deciding(target, options.decided ?? ALLOWED))
  return traceRequest({ method: asked.operation.method.name, over: options.over ?? 'mcp' }, async () => {
    const call = await authorized(asked)
    return traceUpstream(call, { connection, instance: 'alpha#1', params: call.params }, answer)
  })
}

describe('while it is traced', () => {
  let recording: ReturnType<typeof recordSpans>
  beforeEach(() => {
    recording = recordSpans()
  })
  afterEach(() => recording.stop())

  test('a call has a server span, with the decision and the upstream call below it', async () => {
    await request()
    expect(
      recording.spans.map(({ name, kind, attributes, isError }) => ({ name, kind, attributes, isError })),
    ).toEqual([
      {
        name: 'access decision',
        kind: 'internal',
        attributes: { 'tool_gateway.decision.effect': 'allow', 'tool_gateway.decision.rule': 'allow' },
        isError: false,
      },
      {
        name: 'tools/call echo',
        kind: 'client',
        attributes: {
          'mcp.method.name': 'tools/call',
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': 'echo',
          'mcp.protocol.version': '2025-11-25',
          'network.transport': 'pipe',
          'tool_gateway.server.name': 'alpha',
          'tool_gateway.instance.id': 'alpha#1',
        },
        isError: false,
      },
      {
        name: 'tools/call alpha_echo',
        kind: 'server',
        attributes: {
          'mcp.method.name': 'tools/call',
          'gen_ai.operation.name': 'execute_tool',
          'gen_ai.tool.name': 'alpha_echo',
          'network.transport': 'tcp',
          'network.protocol.name': 'http',
          'tool_gateway.face': 'rest',
          'tool_gateway.request.id': 'r-1',
          'tool_gateway.server.name': 'alpha',
        },
        isError: false,
      },
    ])
    const [decision, upstream, entry] = recording.spans
    expect([decision?.parent, upstream?.parent]).toEqual([entry?.spanId, entry?.spanId])
  })

  test('a server over HTTP is named by host and port, and by nothing else of its URL', async () => {
    await request({ url: HTTP })
    expect(recording.spans[1]?.attributes).toMatchObject({
      'network.transport': 'tcp',
      'server.address': 'example.com',
      'server.port': 8443,
    })
    expect(JSON.stringify(recording.spans)).not.toContain(SECRET)
  })

  test.each([
    ['https://example.com/mcp', 443],
    ['http://127.0.0.1/mcp', 80],
  ])('the port of %s is the one of its scheme', async (url, port) => {
    await request({ url })
    expect(recording.spans[1]?.attributes['server.port']).toBe(port)
  })

  test('what a caller makes up, or may not use, is in no span', async () => {
    const params = { name: SECRET, arguments: { password: SECRET } }
    const denied = request({ operation: { name: SECRET, params }, decided: DENIED })
    await expect(denied).rejects.toMatchObject({ code: 'tool_not_found' })
    expect(recording.spans.map(({ name, isError }) => [name, isError])).toEqual([
      ['access decision', false],
      ['tools/call', true],
    ])
    expect(recording.spans[0]?.attributes).toEqual({
      'tool_gateway.decision.effect': 'deny',
      'tool_gateway.decision.rule': 'tool-roles',
    })
    expect(JSON.stringify(recording.spans)).not.toContain(SECRET)
  })

  test('a target that no server offers is denied by the rule of the record', async () => {
    const unknown = { decision: undefined, failure: new GatewayError('tool_not_found') }
    await request({ decided: unknown }).catch(() => undefined)
    expect(recording.spans[0]?.attributes).toEqual({
      'tool_gateway.decision.effect': 'deny',
      'tool_gateway.decision.rule': 'unknown-target',
    })
  })

  test('a URI is in no span', async () => {
    const read: OperationFields = {
      action: 'read',
      kind: 'resource',
      name: `file:///${SECRET}`,
      method: 'resources/read',
      params: { uri: `file:///${SECRET}` },
    }
    await request({ operation: read })
    expect(recording.spans.map(({ name }) => name)).toEqual([
      'access decision',
      'resources/read',
      'resources/read',
    ])
    expect(JSON.stringify(recording.spans)).not.toContain(SECRET)
  })

  test('a prompt is a prompt', async () => {
    const get: OperationFields = {
      action: 'get',
      kind: 'prompt',
      name: 'alpha_greet',
      method: 'prompts/get',
    }
    await request({ operation: get })
    expect(recording.spans[2]).toMatchObject({
      name: 'prompts/get alpha_greet',
      attributes: { 'gen_ai.prompt.name': 'alpha_greet' },
    })
    expect(recording.spans[2]?.attributes['gen_ai.operation.name']).toBeUndefined()
  })

  test.each<[string, 'mcp' | 'rest', GatewayError, (string | undefined)[], (string | undefined)[]]>([
    [
      'an error of the server',
      'mcp',
      new GatewayError('upstream_error', SECRET, { facts: { upstream: { code: -32602, message: SECRET } } }),
      ['-32602', '-32602', 'upstream_error'],
      ['-32602', '-32602', 'upstream_error'],
    ],
    [
      'a timeout',
      'mcp',
      new GatewayError('upstream_timeout', SECRET),
      ['upstream_timeout', undefined, 'upstream_timeout'],
      ['-31001', '-31001', 'upstream_timeout'],
    ],
    [
      'a timeout',
      'rest',
      new GatewayError('upstream_timeout', SECRET),
      ['upstream_timeout', undefined, 'upstream_timeout'],
      ['upstream_timeout', undefined, 'upstream_timeout'],
    ],
  ])(
    '%s over %s has its type on both spans, and its text on none',
    async (_what, over, error, below, above) => {
      await expect(request({ over, answer: () => Promise.reject(error) })).rejects.toBe(error)
      const facts = recording.spans
        .slice(1)
        .map(({ attributes }) => [
          attributes['error.type'],
          attributes['rpc.response.status_code'],
          attributes['tool_gateway.error.code'],
        ])
      expect(facts).toEqual([below, above])
      expect(recording.spans.slice(1).every(({ isError }) => isError)).toBe(true)
      expect(JSON.stringify(recording.spans)).not.toContain(SECRET)
    },
  )

  test.each(['mcp', 'rest'] as const)('a tool that says isError is a tool_error over %s', async (over) => {
    const result = { isError: true, content: [{ type: 'text', text: SECRET }] }
    expect(await request({ over, answer: () => Promise.resolve(result) })).toBe(result)
    expect(recording.spans.slice(1).map(({ attributes }) => attributes['error.type'])).toEqual([
      'tool_error',
      'tool_error',
    ])
    expect(JSON.stringify(recording.spans)).not.toContain(SECRET)
  })

  test('upstream gets the client span as parent in place of the caller’s, no baggage, and all other keys', async () => {
    const meta = {
      traceparent: CALLERS,
      tracestate: 'a=1',
      baggage: `k=${SECRET}`,
      'vendor.example/x': { y: 1 },
    }
    const params = { name: 'alpha_echo', arguments: {}, x: 1, _meta: meta }
    const { sent } = await request({ operation: { params } })
    const [, upstream] = recording.spans
    expect(sent).toEqual({
      name: 'alpha_echo',
      arguments: {},
      x: 1,
      _meta: {
        traceparent: `00-${upstream?.traceId}-${upstream?.spanId}-01`,
        'vendor.example/x': { y: 1 },
      },
    })
    expect(meta.traceparent).toBe(CALLERS)
  })

  test('upstream gets it also where the caller sent no _meta', async () => {
    const { sent } = await request()
    expect(sent).toMatchObject({ _meta: { traceparent: expect.stringMatching(/^00-/) } })
  })
})

test('a request that is not sampled has no spans, and upstream learns that it is not', async () => {
  const recording = recordSpans(0)
  try {
    const { sent } = await request()
    expect(sent).toMatchObject({ _meta: { traceparent: expect.stringMatching(/-00$/) } })
    expect(recording.spans).toEqual([])
  } finally {
    await recording.stop()
  }
})

describe('without tracing', () => {
  test('parameters pass as they are', async () => {
    const params = { name: 'alpha_echo', _meta: { traceparent: CALLERS, tracestate: 'a=1' } }
    const { sent } = await request({ operation: { params } })
    expect(sent).toBe(params)
  })

  test.each([
    [
      { baggage: 'k=v', x: 1 },
      { name: 'alpha_echo', _meta: { x: 1 } },
    ],
    [{ baggage: 'k=v' }, { name: 'alpha_echo' }],
  ])('but baggage never does: %j', async (meta, expected) => {
    const { sent } = await request({ operation: { params: { name: 'alpha_echo', _meta: meta } } })
    expect(sent).toEqual(expected)
  })

  test('a _meta that is no object passes as it is', async () => {
    const params = { name: 'alpha_echo', _meta: 'text' }
    const { sent } = await request({ operation: { params } })
    expect(sent).toBe(params)
  })
})
