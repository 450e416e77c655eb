import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { TenantShares } from '../../../src/calls/limits/tenant-shares.ts'
import { runFrom } from '../../../src/calls/plan.ts'
import { send } from '../../../src/calls/stages/send.ts'
import { TaskHandles } from '../../../src/calls/tasks/task-handles.ts'
import { TaskMemory } from '../../../src/calls/tasks/task-memory.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { server } from '../../support/offers.ts'
import { caller, catalogOf, operation, type OperationFields, routedCall } from '../../support/routing.ts'
import { type FakeConnection, toolServer } from '../../upstream/fake-connection.ts'
import { KEY, server as sampleServer, type World, world } from '../../upstream/world.ts'
import { SeenUpstreams, sendCall } from '../seen-upstreams.ts'

test('the result comes back as it is, and the call knows its instance', async () => {
  const { result, call } = await sendCall({})
  expect(result).toEqual({ content: [], x: 1 })
  expect(call.info.instance).toBe('alpha-1')
})

test('the signal goes along, and the time that is left when there is a connection', async () => {
  const clock = new FakeClock()
  const { seen } = await sendCall({ startedAt: 0 }, new SeenUpstreams(() => clock.advance(400)), clock)
  expect(seen.requests[0]?.options).toMatchObject({ timeoutMs: 600 })
  expect(seen.requests[0]?.options).not.toHaveProperty('onProgress')
  expect(seen.runs).toEqual([expect.objectContaining({ deadlineAt: 1000 })])
  const late = await sendCall(
    { startedAt: clock.monotonic(), timeoutMs: 100 },
    new SeenUpstreams(() => clock.advance(400)),
    clock,
  )
  expect(late.seen.requests[0]?.options.timeoutMs).toBe(1)
})

test('who wants to hear of progress is passed on', async () => {
  const onProgress = (): void => undefined
  const { seen } = await sendCall({ operation: operation({ onProgress }) })
  expect(seen.requests[0]?.options.onProgress).toBe(onProgress)
})

describe('the parameters under the own name of the target', () => {
  const cases: [string, OperationFields, JsonObject][] = [
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
    const { seen } = await sendCall({ operation: operation(fields) })
    expect(seen.requests[0]).toMatchObject({ method: fields.method })
    expect(seen.requests[0]?.params).toEqual(expected)
  })
})

test('a modern server gets marked arguments as headers, a legacy one does not', async () => {
  const params = { name: 'alpha_echo', arguments: { region: 'eu' } }
  const seen = new SeenUpstreams()
  seen.era = 'modern'
  await sendCall({ operation: operation({ params }) }, seen)
  expect(seen.requests[0]?.options.headers).toEqual({ 'Mcp-Param-Region': 'eu' })
  const legacy = await sendCall({ operation: operation({ params }) })
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
    const { seen, result } = await sendCall({
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
    const { seen } = await sendCall({
      operation: subscribe,
      route: { server: server(), name: 'x://1' },
      caller: caller({ tenantId: 'other' }),
    })
    seen.watched[0]?.onUpdated({ uri: 'x://1' })
    expect(updates).toEqual([])
  })
})

describe('calls that wait', () => {
  const definition = sampleServer({ pool: { maxConcurrentPerInstance: 1 } })

  /** A server that takes one call at a time and answers when the gate opens, and calls of it. */
  async function narrow(gate: Promise<unknown>): Promise<World & { begin: () => Promise<unknown> }> {
    const connect = (): Promise<FakeConnection> => {
      const connection = toolServer('a')
      connection.answers['tools/call'] = async () => {
        await gate
        return { content: [] }
      }
      return Promise.resolve(connection)
    }
    const made = world({ connect })
    const { clock, upstreams } = made
    upstreams.start(definition)
    await clock.advance(0)
    const tasks = {
      handles: new TaskHandles({ keys: { current: Buffer.alloc(32) } }),
      memory: new TaskMemory(),
    }
    const shares = new TenantShares({ maxOf: () => undefined })
    const catalog = catalogOf([definition, undefined])
    const stages = [send({ upstreams, tasks, catalog, clock, shares })]
    const begin = async (): Promise<unknown> => {
      const call = routedCall({ server: definition, name: 'a' }, { timeoutMs: 60_000 }, { stages })
      return runFrom(call, 0).then(
        () => call.info.instance,
        (error: unknown) => error,
      )
    }
    return { ...made, begin }
  }

  test('while their server is restarted continue with its replacement', async () => {
    const gate = Promise.withResolvers<void>()
    const { clock, upstreams, begin } = await narrow(gate.promise)
    const calls = Array.from({ length: 20 }, begin)
    await clock.advance(0)
    upstreams.restart(KEY, 'an operator restarted it')
    await clock.advance(0)
    gate.resolve()
    await clock.advance(0)
    const [first, ...others] = await Promise.all(calls)
    expect(first).toBe('sample-1')
    expect(others).toEqual(others.map(() => 'sample-2'))
  })

  test('while their server is stopped fail, and have not run', async () => {
    const { clock, upstreams, begin } = await narrow(new Promise(() => undefined))
    const calls = Array.from({ length: 3 }, begin)
    await clock.advance(0)
    upstreams.halt(KEY, 'an operator stopped it')
    await clock.advance(0)
    const notRun = expect.objectContaining({
      code: 'upstream_unavailable',
      facts: { server: 'sample', mayHaveExecuted: false },
    })
    expect(await Promise.all(calls.slice(1))).toEqual([notRun, notRun])
  })
})
