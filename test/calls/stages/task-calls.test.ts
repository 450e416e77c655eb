import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { CallerClient } from '../../../src/calls/call.ts'
import type { RoutedCall } from '../../../src/calls/stage.ts'
import { taskCalls } from '../../../src/calls/stages/task-calls.ts'
import { TaskHandles } from '../../../src/calls/tasks/task-handles.ts'
import { TaskMemory } from '../../../src/calls/tasks/task-memory.ts'
import type { Era } from '../../../src/upstream/connection/connection.ts'
import { offer, server, tool } from '../../support/offers.ts'
import { caller, catalogOf, OneStage, operation, type OperationFields } from '../../support/routing.ts'

const LEGACY = { tasks: { list: {}, cancel: {}, requests: { tools: { call: {} } } } }
const MODERN = { extensions: { 'io.modelcontextprotocol/tasks': {} } }
const ROUTE = { server: server(), name: 'slow' }
const TARGET = { server: 'acme/alpha', tool: 'slow', taskId: 't1' }
const CATALOG = catalogOf([
  server(),
  offer({ tools: [tool('slow'), tool('needed', { execution: { taskSupport: 'required' } })] }),
])

/** A stage of its own with a server that answers everything in the same way. */
function world(era: Era, capabilities: JsonObject, ...answers: JsonObject[]): World {
  const tasks = {
    handles: new TaskHandles({ keys: { current: Buffer.alloc(32) } }),
    memory: new TaskMemory(),
  }
  const sent: JsonObject[] = []
  const declared = { eraOf: () => era, capabilitiesOf: () => capabilities }
  const stage = taskCalls({ tasks, declared, catalog: CATALOG })
  return {
    tasks,
    sent,
    run: async (operationFields, { route = ROUTE, ...callFields } = {}) => {
      const through = new OneStage(stage, CATALOG)
      const fields = { operation: operation(operationFields), ...callFields }
      const result = await through.run(route, fields, ({ params: given }) => {
        sent.push(given)
        return answers.shift() ?? {}
      })
      return { result, calls: through.sent }
    },
  }
}

interface World {
  readonly tasks: { readonly handles: TaskHandles; readonly memory: TaskMemory }
  readonly sent: JsonObject[]
  /** `calls` are those that went on. */
  readonly run: (
    operation: OperationFields,
    call?: Partial<RoutedCall>,
  ) => Promise<{ result: JsonObject; calls: readonly RoutedCall[] }>
}

function client(era: Era): CallerClient {
  return { era, capabilities: {}, logLevel: undefined, tell: () => undefined }
}

const HANDLE = new TaskHandles({ keys: { current: Buffer.alloc(32) } }).handleOf(TARGET, caller().principal)
const params = { name: 'alpha_slow', task: { ttl: 1 } }

const RELATED = 'io.modelcontextprotocol/related-task'

test.each([
  ["the caller's own task under the server's id", HANDLE, { [RELATED]: { taskId: 't1' } }],
  ['nothing of an id that the caller guessed', 't1', undefined],
  [
    "nothing of somebody else's task",
    new TaskHandles({ keys: { current: Buffer.alloc(32) } }).handleOf(
      TARGET,
      caller({ subject: 'bob' }).principal,
    ),
    undefined,
  ],
  [
    'nothing of a task of another server',
    new TaskHandles({ keys: { current: Buffer.alloc(32) } }).handleOf(
      { ...TARGET, server: 'acme/beta' },
      caller().principal,
    ),
    undefined,
  ],
])('a server hears of the task that a call belongs to %s', async (_what, taskId, meta) => {
  const { run, sent } = world('legacy', LEGACY)
  await run({ client: client('legacy'), params: { name: 'alpha_slow', _meta: { [RELATED]: { taskId } } } })
  expect(sent.map(({ _meta }) => _meta)).toEqual([meta])
})

describe('a tool call', () => {
  test.each([
    ['that asks for no task', { params: { name: 'alpha_slow' } }, { content: [], x: 1 }],
    ['whose result only looks like a task', {}, { content: [], task: { taskId: 't1' } }],
  ])('%s comes back as the very result of the server', async (_what, fields, answer) => {
    const { run } = world('legacy', LEGACY, answer)
    expect((await run({ client: client('legacy'), ...fields })).result).toBe(answer)
  })

  test.each([
    ['a client over REST', undefined, 'legacy', LEGACY],
    ['a modern client of a legacy server', client('modern'), 'legacy', LEGACY],
    ['a legacy client of a modern server', client('legacy'), 'modern', MODERN],
    ['a legacy client of a server without tasks', client('legacy'), 'legacy', {}],
    [
      'a legacy client of a server with tasks for something else',
      client('legacy'),
      'legacy',
      { tasks: { requests: {} } },
    ],
  ] as const)('as a task by %s is refused before it is sent', async (_who, by, era, capabilities) => {
    const { run, sent } = world(era, capabilities)
    await expect(run({ params, ...(by && { client: by }) })).rejects.toMatchObject({
      code: 'invalid_arguments',
      facts: { server: 'alpha', mayHaveExecuted: false },
    })
    expect(sent).toEqual([])
  })

  test('has a member `task` like any other where both sides are modern', async () => {
    const { run, sent } = world('modern', MODERN, { content: [] })
    expect((await run({ params, client: client('modern') })).result).toEqual({ content: [] })
    expect(sent).toEqual([params])
  })

  test('of a tool that needs a task is refused for a client that cannot ask for one, before it is sent', async () => {
    const { run, sent } = world('legacy', LEGACY)
    const route = { server: server(), name: 'needed' }
    for (const by of [{}, { client: client('modern') }])
      await expect(run(by, { route })).rejects.toMatchObject({ code: 'client_capability_required' })
    expect(sent).toEqual([])
    await run({ client: client('legacy') }, { route })
    expect(sent).toHaveLength(1)
  })

  test('that became a task gives its caller a handle', async () => {
    const legacy = world('legacy', LEGACY, { task: { taskId: 't1', x: 1 }, y: 2 })
    expect((await legacy.run({ params, client: client('legacy') })).result).toEqual({
      task: { taskId: HANDLE, x: 1 },
      y: 2,
    })
    const modern = world('modern', MODERN, { resultType: 'task', taskId: 't1', x: 1 })
    expect((await modern.run({ client: client('modern') })).result).toEqual({
      resultType: 'task',
      taskId: HANDLE,
      x: 1,
    })
    expect(legacy.tasks.handles.open(HANDLE, caller().principal)).toEqual(TARGET)
  })

  test('that became a task without an id that a client can send fails', async () => {
    const long = 'x'.repeat(4097)
    const refused = { code: 'upstream_bad_response', facts: { mayHaveExecuted: true } }
    const called = (result: JsonObject): Promise<unknown> =>
      world('modern', MODERN, result).run({ client: client('modern') })
    await expect(called({ resultType: 'task', taskId: long.slice(1) })).resolves.toBeDefined()
    await expect(called({ resultType: 'task', taskId: long })).rejects.toMatchObject(refused)
    await expect(called({ resultType: 'task', taskId: 7 })).rejects.toMatchObject(refused)
    await expect(called({ resultType: 'task' })).rejects.toMatchObject(refused)
    const legacy = world('legacy', LEGACY, { task: { taskId: long } })
    await expect(legacy.run({ params, client: client('legacy') })).rejects.toMatchObject(refused)
  })
})

describe('a request about a task', () => {
  const get = { method: 'tasks/get', params: { taskId: HANDLE }, task: TARGET }

  test.each([
    ['legacy', LEGACY],
    ['modern', MODERN],
  ] as const)('goes to a %s server under its own id and comes back under the handle', async (era, has) => {
    const { run, sent } = world(era, has, { taskId: 't1', status: 'working' })
    const { result } = await run({ ...get, client: client(era) })
    expect(sent).toEqual([{ taskId: 't1' }])
    expect(result).toEqual({ taskId: HANDLE, status: 'working' })
  })

  test.each([
    ['of the other era', { ...get, client: client('modern') }, LEGACY],
    ['by nobody', get, LEGACY],
    ['that does not exist', { ...get, client: client('legacy'), task: 'unknown' }, LEGACY],
    ['of a server that has none any more', { ...get, client: client('legacy') }, {}],
  ] as const)('%s is not sent', async (_what, fields, capabilities) => {
    const { run, sent } = world('legacy', capabilities)
    await expect(run(fields)).rejects.toMatchObject({ code: 'task_not_found' })
    expect(sent).toEqual([])
  })

  test('has an hour where it waits for the result, and the usual time else', async () => {
    const { run } = world('legacy', LEGACY)
    const by = { client: client('legacy') }
    const given = { timeoutMs: 60_000 }
    const timesOf = async (fields: OperationFields): Promise<number[]> =>
      (await run(fields, given)).calls.map(({ timeoutMs }) => timeoutMs)
    expect(await timesOf({ ...get, ...by })).toEqual([60_000])
    expect(await timesOf({ ...get, ...by, method: 'tasks/result' })).toEqual([3_600_000])
  })

  test('does not show the task of another caller that a message belongs to', async () => {
    const related = (taskId: string): JsonObject => ({ 'io.modelcontextprotocol/related-task': { taskId } })
    const { run } = world('legacy', LEGACY, { _meta: related('t1') }, { _meta: related('t2'), x: 1 })
    const result = { ...get, method: 'tasks/result', client: client('legacy') }
    expect((await run(result)).result).toEqual({ _meta: related(HANDLE) })
    expect((await run(result)).result).toEqual({ x: 1 })
  })
})

describe('a list of tasks', () => {
  const list = { action: 'list', kind: 'server', name: 'alpha', method: 'tasks/list', params: {} } as const

  test('has those of the caller, under their handles', async () => {
    const listed = { tasks: [{ taskId: 't2' }, { taskId: 't1', x: 1 }, 'odd', {}], nextCursor: 'n', y: 2 }
    const { run, tasks } = world('legacy', LEGACY, listed)
    tasks.memory.note(TARGET, caller().principal)
    tasks.memory.note({ ...TARGET, taskId: 't2' }, caller({ subject: 'bob' }).principal)
    expect((await run(list)).result).toEqual({
      tasks: [{ taskId: HANDLE, x: 1 }],
      nextCursor: 'n',
      y: 2,
    })
  })

  test('is empty where the caller has none, without asking', async () => {
    const { run, sent } = world('legacy', LEGACY, { tasks: [{ taskId: 't1' }] })
    expect((await run(list)).result).toEqual({ tasks: [] })
    expect(sent).toEqual([])
  })

  test('has none of a tool that the caller may not call any more', async () => {
    const closed = server({ tools: { slow: { requiredRoles: ['admin'] } } })
    const tasks = {
      handles: new TaskHandles({ keys: { current: Buffer.alloc(32) } }),
      memory: new TaskMemory(),
    }
    tasks.memory.note(TARGET, caller().principal)
    const declared = { eraOf: () => 'legacy' as const, capabilitiesOf: () => LEGACY }
    const stage = taskCalls({ tasks, declared, catalog: catalogOf([closed, offer()]) })
    const result = await new OneStage(stage).run(
      { server: closed, name: 'alpha' },
      { operation: operation(list) },
      () => ({ tasks: [{ taskId: 't1' }] }),
    )
    expect(result).toEqual({ tasks: [] })
  })
})
