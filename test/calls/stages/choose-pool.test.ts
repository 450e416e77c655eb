import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import type { Call } from '../../../src/calls/call.ts'
import { choosePool } from '../../../src/calls/stages/choose-pool.ts'
import { poolOfCall } from '../../../src/calls/routed.ts'
import { TaskHandles } from '../../../src/calls/tasks/task-handles.ts'
import { TaskMemory } from '../../../src/calls/tasks/task-memory.ts'
import { call } from '../../support/routing.ts'
import { KEY, server, type World, world } from '../../upstream/world.ts'

const definition = server({ pool: { maxConcurrentPerInstance: 1 } })
const tasks = { handles: new TaskHandles({ key: Buffer.alloc(32) }), memory: new TaskMemory() }

/** A server that takes one call at a time. */
async function narrow(): Promise<World> {
  const made = world()
  made.servers.isReady = true
  made.upstreams.start(definition)
  await made.clock.advance(0)
  return made
}

/** A call that goes on for as long as its gate is closed, and says by which instance it ran. */
function sent(
  { upstreams }: World,
  gate: Promise<void>,
  route: ServerDefinition = definition,
): { it: Call; outcome: Promise<unknown> } {
  const it = call({ route: { server: route, name: 'a' }, timeoutMs: 60_000 })
  const send = async (): Promise<JsonObject> =>
    poolOfCall(it).run(
      async (_connection, instance) => {
        it.instance = instance
        await gate
        return { instance }
      },
      { signal: undefined, deadlineAt: 60_000 },
    )
  const outcome = choosePool({ upstreams, tasks })(it, send).catch((error: unknown) => error)
  return { it, outcome }
}

test('calls that wait while their server is restarted go on with what takes its place', async () => {
  const made = await narrow()
  const gate = Promise.withResolvers<void>()
  const calls = Array.from({ length: 20 }, () => sent(made, gate.promise))
  await made.clock.advance(0)
  made.upstreams.restart(KEY, 'an operator restarted it')
  await made.clock.advance(0)
  gate.resolve()
  await made.clock.advance(0)
  const [first, ...others] = await Promise.all(calls.map(({ outcome }) => outcome))
  expect(first).toEqual({ instance: 'sample-1' })
  expect(others).toEqual(others.map(() => ({ instance: 'sample-2' })))
})

test('calls that wait while their server is stopped fail, and have not run', async () => {
  const made = await narrow()
  const calls = Array.from({ length: 3 }, () => sent(made, new Promise(() => undefined)))
  await made.clock.advance(0)
  made.upstreams.halt(KEY, 'an operator stopped it')
  await made.clock.advance(0)
  expect(await Promise.all(calls.slice(1).map(({ outcome }) => outcome))).toEqual([
    expect.objectContaining({
      code: 'upstream_unavailable',
      facts: { server: 'sample', mayHaveExecuted: false },
    }),
    expect.objectContaining({
      code: 'upstream_unavailable',
      facts: { server: 'sample', mayHaveExecuted: false },
    }),
  ])
})
