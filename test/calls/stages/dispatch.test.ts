import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import type { Call, Caller, CallerClient, Operation } from '../../../src/calls/call.ts'
import { choosePool } from '../../../src/calls/stages/choose-pool.ts'
import { dispatch } from '../../../src/calls/stages/dispatch.ts'
import { TenantShares } from '../../../src/calls/limits/tenant-shares.ts'
import type { ClientSide } from '../../../src/upstream/messages/client-side.ts'
import type { Era, RequestOptions } from '../../../src/upstream/connection/connection.ts'
import { TaskHandles } from '../../../src/calls/tasks/task-handles.ts'
import { TaskMemory } from '../../../src/calls/tasks/task-memory.ts'
import type { Upstreams } from '../../../src/upstream/upstreams.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { offer, server, tool } from '../../support/offers.ts'
import { call, caller, catalogOf, operation } from '../../support/routing.ts'

/** Upstreams that keep what they are asked for and answer everything. */
class SeenUpstreams {
  readonly keys: string[] = []
  readonly clients: (ClientSide | undefined)[] = []
  readonly watched: { uri: string; onUpdated: (params: JsonObject) => void }[] = []
  released = 0
  era: Era | undefined = 'legacy'
  /** What it is as soon as there is a connection. */
  laterEra: Era | undefined
  capabilities: JsonObject = {}
  readonly requests: { method: string; params: JsonObject | undefined; options: RequestOptions }[] = []
  readonly runs: unknown[] = []
  /** Milliseconds that pass until there is a connection. */
  readonly #wait: () => Promise<void>

  constructor(wait: () => Promise<void> = () => Promise.resolve()) {
    this.#wait = wait
  }

  eraOf(): Era | undefined {
    return this.era
  }

  capabilitiesOf(): JsonObject {
    return this.capabilities
  }

  poolFor(_server: ServerDefinition, key: string, clientSide?: ClientSide): unknown {
    this.keys.push(key)
    this.clients.push(clientSide)
    const request = (
      method: string,
      params: JsonObject | undefined,
      options: RequestOptions,
    ): Promise<JsonObject> => {
      this.requests.push({ method, params, options })
      return Promise.resolve({ content: [], x: 1 })
    }
    return {
      run: async (use: (connection: unknown, instance: string) => Promise<JsonObject>, options: unknown) => {
        this.runs.push(options)
        await this.#wait()
        this.era ??= this.laterEra
        return use({ request, era: this.era, capabilities: this.capabilities }, 'alpha-1')
      },
      watchResource: (uri: string, onUpdated: (params: JsonObject) => void) => {
        this.watched.push({ uri, onUpdated })
        return Promise.resolve(() => (this.released += 1))
      },
    }
  }
}

/** A tool whose argument `region` is to be seen in a header. */
const MARKED = tool('echo', {
  inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } },
})

async function dispatched(
  fields: Partial<Call>,
  seen = new SeenUpstreams(),
  clock = new FakeClock(),
): Promise<{ seen: SeenUpstreams; result: JsonObject; call: Call }> {
  const it = call({ route: { server: server(), name: 'echo' }, timeoutMs: 1000, ...fields })
  const catalog = catalogOf([server(), offer({ tools: [MARKED] })])
  const tasks = { handles: new TaskHandles({ key: Buffer.alloc(32) }), memory: new TaskMemory() }
  const shares = new TenantShares({ maxOf: () => undefined })
  const send = dispatch({ catalog, clock, shares })
  const result = await choosePool({ upstreams: seen as unknown as Upstreams, tasks })(it, () =>
    send(it, () => Promise.reject(new Error('it is the last stage'))),
  )
  return { seen, result, call: it }
}

test('the result comes back as it is, and the call knows its instance', async () => {
  const { result, call: it } = await dispatched({})
  expect(result).toEqual({ content: [], x: 1 })
  expect(it.instance).toBe('alpha-1')
})

test('the signal goes along, and the time that is left when there is a connection', async () => {
  const clock = new FakeClock()
  const { seen } = await dispatched({ startedAt: 0 }, new SeenUpstreams(() => clock.advance(400)), clock)
  expect(seen.requests[0]?.options).toMatchObject({ timeoutMs: 600 })
  expect(seen.requests[0]?.options).not.toHaveProperty('onProgress')
  expect(seen.runs).toEqual([expect.objectContaining({ deadlineAt: 1000 })])
  const late = await dispatched(
    { startedAt: clock.monotonic(), timeoutMs: 100 },
    new SeenUpstreams(() => clock.advance(400)),
    clock,
  )
  expect(late.seen.requests[0]?.options.timeoutMs).toBe(1)
})

test('who wants to hear of progress is passed on', async () => {
  const onProgress = (): void => undefined
  const { seen } = await dispatched({ operation: operation({ onProgress }) })
  expect(seen.requests[0]?.options.onProgress).toBe(onProgress)
})

test('a call without a route is a defect', () => {
  return expect(dispatched({ route: undefined })).rejects.toMatchObject({ code: 'internal' })
})

describe('the parameters under the own name of the target', () => {
  const cases: [string, Partial<Operation>, JsonObject][] = [
    ['a tool', { method: 'tools/call', params: { name: 'alpha_echo', x: 1 } }, { name: 'echo', x: 1 }],
    ['a prompt', { method: 'prompts/get', params: { name: 'alpha_echo', x: 1 } }, { name: 'echo', x: 1 }],
    ['a resource', { method: 'resources/read', params: { uri: 'x://1', x: 1 } }, { uri: 'echo', x: 1 }],
    [
      'a completion for a prompt',
      {
        method: 'completion/complete',
        params: { ref: { type: 'ref/prompt', name: 'alpha_echo', y: 2 }, x: 1 },
      },
      { ref: { type: 'ref/prompt', name: 'echo', y: 2 }, x: 1 },
    ],
    [
      'a completion for a resource',
      { method: 'completion/complete', params: { ref: { type: 'ref/resource', uri: 'alpha+x://{id}' } } },
      { ref: { type: 'ref/resource', uri: 'echo' } },
    ],
  ]
  test.each(cases)('of %s', async (_what, fields, expected) => {
    const { seen } = await dispatched({ operation: operation(fields) })
    expect(seen.requests[0]).toMatchObject({ method: fields.method })
    expect(seen.requests[0]?.params).toEqual(expected)
  })
})

describe('who shares a connection', () => {
  const keyOf = async (fields: Record<string, unknown>, who: Caller): Promise<string | undefined> => {
    const { seen } = await dispatched({ route: { server: server(fields), name: 'echo' }, caller: who })
    return seen.keys[0]
  }

  test('of a global server everybody, whoever it belongs to', async () => {
    expect(await keyOf({ sharing: 'global' }, caller())).toBe('')
    expect(await keyOf({ sharing: 'global', tenantId: '*' }, caller())).toBe('')
  })

  test('of a tenant server its tenant; where it serves all tenants, each of them alone', async () => {
    expect(await keyOf({}, caller())).toBe('')
    expect(await keyOf({ tenantId: '*' }, caller())).toBe('tenant:acme')
    expect(await keyOf({ tenantId: '*' }, caller({ tenantId: 'other' }, 'session-1'))).toBe('tenant:other')
  })

  test('of a session server nobody else; without a session the requests of one principal', async () => {
    const shared = { sharing: 'session', tenantId: '*' }
    expect(await keyOf(shared, caller({}, 'one'))).toBe('session:one')
    const ann = await keyOf(shared, caller())
    expect(ann).toMatch(/^session:\[/)
    expect(await keyOf(shared, caller({ expiresAtMs: 1 }))).toBe(ann)
    for (const other of [
      { subject: 'bob' },
      { tenantId: 'other' },
      { roles: ['x'] },
      { issuer: 'urn:else' },
    ]) {
      expect(await keyOf(shared, caller(other))).not.toBe(ann)
    }
  })
})

function client(fields: Partial<CallerClient> = {}): CallerClient {
  return {
    era: 'legacy',
    capabilities: { elicitation: {}, roots: {} },
    logLevel: undefined,
    ask: () => Promise.resolve({}),
    tell: () => undefined,
    ...fields,
  }
}

/** What is asked of upstreams for a call of a session's client. */
async function asked(
  own: CallerClient,
  fields: { seen?: SeenUpstreams; server?: Record<string, unknown>; sessionId?: string } = {},
): Promise<SeenUpstreams> {
  const { seen = new SeenUpstreams(), sessionId = 'sess-1' } = fields
  const who = { ...caller({}, sessionId), client: own }
  await dispatched(
    {
      route: { server: server(fields.server), name: 'echo' },
      caller: who,
      operation: operation({ client: own }),
    },
    seen,
  )
  return seen
}

describe('a client that can be asked', () => {
  test('has a connection of its own to a legacy server, which gets what the document grants', async () => {
    const seen = await asked(client())
    expect(seen.keys).toEqual(['', 'session:sess-1'])
    expect(seen.clients[1]?.capabilities).toEqual({ elicitation: {} })
    expect(seen.requests[0]?.options.client?.capabilities).toEqual({ elicitation: {} })
  })

  test('shares the connection of a modern server, which learns of it with the request', async () => {
    const seen = new SeenUpstreams()
    seen.era = 'modern'
    await asked(client(), { seen })
    expect(seen.keys).toEqual([''])
    expect(seen.requests[0]?.options.client?.capabilities).toEqual({ elicitation: {} })
  })

  test('waits for the first connection, which tells the era of the server', async () => {
    const seen = new SeenUpstreams()
    seen.era = undefined
    seen.laterEra = 'legacy'
    await asked(client(), { seen })
    expect(seen.keys.at(-1)).toBe('session:sess-1')
  })

  test('shares connections as long as it declares nothing that the server may use', async () => {
    expect((await asked(client({ capabilities: {} }))).keys).toEqual([''])
    expect((await asked(client({ capabilities: { roots: {} } }))).keys).toEqual([''])
  })

  test('shares connections when it is modern: a legacy server has no way to ask it', async () => {
    const seen = await asked(client({ era: 'modern' }))
    expect(seen.keys).toEqual([''])
  })

  test('has a connection of its own, and declares nothing there, when it only wants log messages', async () => {
    const seen = new SeenUpstreams()
    seen.capabilities = { logging: {} }
    await asked(client({ capabilities: {}, logLevel: 'warning' }), { seen })
    expect(seen.keys.at(-1)).toBe('session:sess-1')
    expect(seen.clients.at(-1)?.capabilities).toEqual({})
    expect(seen.requests.map(({ method, params }) => ({ method, params }))).toEqual([
      { method: 'logging/setLevel', params: { level: 'warning' } },
      { method: 'tools/call', params: { name: 'echo', arguments: { a: 1 } } },
    ])
  })

  test('shares connections when it only wants log messages, of a server that has none', async () => {
    const seen = await asked(client({ capabilities: {}, logLevel: 'warning' }))
    expect(seen.keys).toEqual([''])
    expect(seen.requests.map(({ method }) => method)).toEqual(['tools/call'])
  })

  test('and a server of `sharing: session` meet on one connection, whatever the client can do', async () => {
    const seen = await asked(client({ capabilities: {} }), { server: { sharing: 'session' } })
    expect(seen.keys).toEqual(['session:sess-1'])
    expect(seen.clients[0]).toBeDefined()
  })
})

test('a modern server gets marked arguments as headers, a legacy one does not', async () => {
  const params = { name: 'alpha_echo', arguments: { region: 'eu' } }
  const seen = new SeenUpstreams()
  seen.era = 'modern'
  await dispatched({ operation: operation({ params }) }, seen)
  expect(seen.requests[0]?.options.headers).toEqual({ 'Mcp-Param-Region': 'eu' })
  const legacy = await dispatched({ operation: operation({ params }) })
  expect(legacy.seen.requests[0]?.options).not.toHaveProperty('headers')
})

describe('a subscription', () => {
  const updates: JsonObject[] = []
  let release: () => void = () => undefined
  const watch = {
    onUpdated: (params: JsonObject) => updates.push(params),
    onWatching: (given: () => void) => (release = given),
  }
  const subscribe = operation({
    action: 'subscribe',
    kind: 'resource',
    name: 'alpha+x://1',
    method: 'resources/subscribe',
    watch,
  })

  test('is one of the pool, told under the URI of the caller, and ended by the caller', async () => {
    const { seen, result } = await dispatched({
      operation: subscribe,
      route: { server: server(), name: 'x://1' },
    })
    expect(result).toEqual({})
    expect(seen.requests).toEqual([])
    expect(seen.watched.map(({ uri }) => uri)).toEqual(['x://1'])
    seen.watched[0]?.onUpdated({ uri: 'x://1', odd: 1 })
    seen.watched[0]?.onUpdated({ uri: 'x://1/part' })
    expect(updates).toEqual([{ uri: 'alpha+x://1', odd: 1 }, { uri: 'alpha+x://1/part' }])
    release()
    expect(seen.released).toBe(1)
  })

  test('says nothing to a caller that may not read the resource any more', async () => {
    updates.length = 0
    const { seen } = await dispatched({
      operation: subscribe,
      route: { server: server(), name: 'x://1' },
      caller: caller({ tenantId: 'other' }),
    })
    seen.watched[0]?.onUpdated({ uri: 'x://1' })
    expect(updates).toEqual([])
  })
})
