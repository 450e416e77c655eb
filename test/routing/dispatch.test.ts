import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json.ts'
import type { ServerDefinition } from '../../src/domain/server-definition.ts'
import type { Call, Caller, Operation } from '../../src/routing/call.ts'
import { dispatch } from '../../src/routing/dispatch.ts'
import type { RequestOptions } from '../../src/upstream/connection/connection.ts'
import type { Upstreams } from '../../src/upstream/upstreams.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { server } from '../support/offers.ts'
import { call, caller, operation } from '../support/routing.ts'

/** Upstreams that keep what they are asked for and answer everything. */
class SeenUpstreams {
  readonly keys: string[] = []
  readonly requests: { method: string; params: JsonObject | undefined; options: RequestOptions }[] = []
  readonly runs: unknown[] = []
  /** Milliseconds that pass until there is a connection. */
  readonly #wait: () => Promise<void>

  constructor(wait: () => Promise<void> = () => Promise.resolve()) {
    this.#wait = wait
  }

  poolFor(_server: ServerDefinition, key: string): unknown {
    this.keys.push(key)
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
        return use({ request }, 'alpha-1')
      },
    }
  }
}

async function dispatched(
  fields: Partial<Call>,
  seen = new SeenUpstreams(),
  clock = new FakeClock(),
): Promise<{ seen: SeenUpstreams; result: JsonObject; call: Call }> {
  const it = call({ route: { server: server(), name: 'echo' }, timeoutMs: 1000, ...fields })
  const stage = dispatch({ upstreams: seen as unknown as Upstreams, clock })
  const result = await stage(it, () => Promise.reject(new Error('it is the last stage')))
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
  const stage = dispatch({ upstreams: new SeenUpstreams() as unknown as Upstreams, clock: new FakeClock() })
  expect(() => stage(call(), () => Promise.resolve({}))).toThrow(
    expect.objectContaining({ code: 'internal' }),
  )
})

describe('the parameters under the own name of the target', () => {
  const cases: [string, Partial<Operation>, JsonObject][] = [
    ['a tool', { method: 'tools/call', params: { name: 'alpha_echo', x: 1 } }, { name: 'echo', x: 1 }],
    ['a prompt', { method: 'prompts/get', params: { name: 'alpha_echo', x: 1 } }, { name: 'echo', x: 1 }],
    ['a resource', { method: 'resources/read', params: { uri: 'x://1', x: 1 } }, { uri: 'x://1', x: 1 }],
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
      { method: 'completion/complete', params: { ref: { type: 'ref/resource', uri: 'x://{id}' } } },
      { ref: { type: 'ref/resource', uri: 'x://{id}' } },
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
