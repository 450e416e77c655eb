import { describe, expect, test } from '@jest/globals'
import { BuiltinServers } from '../../../src/features/builtin/builtin-servers.ts'
import { PipelineCheck } from '../../../src/features/pipelines/pipeline-check.ts'
import { PipelineRuns } from '../../../src/features/pipelines/pipeline-runs.ts'
import { pipelineSource } from '../../../src/features/pipelines/pipeline-source.ts'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { PipelineDefinition } from '../../../src/domain/documents/pipeline-definition.ts'
import type { Principal } from '../../../src/domain/principal.ts'
import { serverKey } from '../../../src/domain/documents/server-definition.ts'
import type { Operation } from '../../../src/calls/call.ts'
import type { Calls } from '../../../src/calls/calls.ts'
import type { Stage, StageFor } from '../../../src/calls/stage.ts'
import { pipeline } from '../../pipelines/plans.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { offer, principal, server, snapshotOf, tool } from '../../support/offers.ts'
import { answering, callsThrough, caller, operation } from '../../support/routing.ts'
import { silentLogger } from '../../support/silent-logger.ts'

const STEPS = [{ id: 'read', tool: 'files_read', arguments: { path: '${input.path}' } }]
const FILES = server({ name: 'files', tenantId: '*' })

type Of = Partial<Principal>

/** A gateway of pipelines and one server, whose tools answer with their arguments. */
class World {
  readonly catalog = new Catalog()
  readonly sent: JsonObject[] = []
  readonly clients: unknown[] = []
  /** Pipelines for which a person would be asked. */
  readonly asked: string[] = []
  readonly #calls: Calls

  constructor(...pipelines: PipelineDefinition[]) {
    const clock = new FakeClock()
    const check = new PipelineCheck({ catalog: this.catalog })
    const runs = new PipelineRuns({ clock })
    const source = pipelineSource({ catalog: this.catalog, check, runs, calls: () => this.#calls, clock })
    const builtins = new BuiltinServers({
      catalog: this.catalog,
      sources: [source],
      clock,
      logger: silentLogger,
    })
    const last = answering((call) => {
      this.sent.push(call.params)
      this.clients.push(call.caller.client ?? call.operation.client)
      return { content: [{ type: 'text', text: JSON.stringify(call.params['arguments']) }] }
    })
    const asking: Stage = (call, next) => {
      if (call.route.server.transport === 'builtin') this.asked.push(call.route.name)
      return next(call)
    }
    const asked: StageFor = (target) => builtins.checkedBefore(asking, target)
    this.#calls = callsThrough(this.catalog, [asked, builtins.stage, last], { clock, callTimeoutMs: 1000 })
    builtins.applySnapshot({
      ...snapshotOf(FILES),
      pipelines: new Map(pipelines.map((each) => [`${each.tenantId}.${each.name}`, each])),
    })
  }

  offer(...names: string[]): void {
    this.catalog.setOffer(serverKey(FILES), offer({ tools: names.map((name) => tool(name)) }))
  }

  tools(of: Of): string {
    return this.catalog
      .viewOf(principal(of))
      .tools.map(({ shownAs }) => shownAs)
      .join(' ')
  }

  run(name: string, given: JsonObject = {}, of: Of = {}, more: Partial<Operation> = {}): Promise<JsonObject> {
    const params = { name, arguments: given }
    return this.#calls.run(caller(of), operation({ name, params, ...more }))
  }
}

describe('a tenant has', () => {
  const world = new World(
    pipeline(STEPS, { name: 'own' }),
    pipeline(STEPS, { name: 'off', enabled: false }),
    pipeline(STEPS, { name: 'secret', requiredRoles: ['admin'] }),
    pipeline(STEPS, { name: 'robots', agentAllowlist: ['robot'] }),
    pipeline(STEPS, { name: 'everybody', tenantId: '*' }),
  )
  world.offer('read')

  test.each<[string, Of, string]>([
    ['its own pipelines and those for all, once each', {}, 'files_read pipeline_everybody pipeline_own'],
    ['those for all without any of its own', { tenantId: 'globex' }, 'files_read pipeline_everybody'],
    [
      'for a role, those of the role',
      { roles: ['admin'] },
      'files_read pipeline_everybody pipeline_own pipeline_secret',
    ],
    [
      'for an agent, those of the agent',
      { agent: 'robot' },
      'files_read pipeline_everybody pipeline_own pipeline_robots',
    ],
  ])('%s', (_what, of, tools) => {
    expect(world.tools(of)).toBe(tools)
  })

  test('each of them to run, and no other', async () => {
    for (const [name, of] of [
      ['pipeline_own', {}],
      ['pipeline_everybody', {}],
      ['pipeline_everybody', { tenantId: 'globex' }],
    ] as const)
      expect(await world.run(name, { path: 'a' }, of)).toMatchObject({
        content: [{ type: 'text', text: '{"path":"a"}' }],
      })
    for (const [name, of] of [
      ['pipeline_own', { tenantId: 'globex' }],
      ['pipeline_secret', {}],
      ['pipeline_off', {}],
    ] as const)
      await expect(world.run(name, { path: 'a' }, of)).rejects.toMatchObject({ code: 'tool_not_found' })
  })
})

test('input is checked, and what is left out has its default', async () => {
  const inputSchema = {
    type: 'object',
    required: ['path'],
    properties: { path: { type: 'string', default: 'a.txt' }, deep: { type: 'boolean' } },
  }
  const world = new World(pipeline(STEPS, { inputSchema }))
  world.offer('read')
  await world.run('pipeline_digest')
  expect(world.sent).toEqual([{ name: 'files_read', arguments: { path: 'a.txt' } }])
  await expect(world.run('pipeline_digest', { deep: 1 })).rejects.toMatchObject({
    code: 'invalid_arguments',
    facts: { problems: ['arguments.deep must be boolean'] },
  })
})

test('a pipeline follows what its servers offer', async () => {
  const world = new World(pipeline(STEPS))
  world.offer('write')
  await expect(world.run('pipeline_digest')).rejects.toMatchObject({
    code: 'pipeline_invalid',
    facts: { problems: ['steps[0].tool: server files has no tool read'], mayHaveExecuted: false },
  })
  expect(world.sent).toEqual([])
  world.offer('read')
  await world.run('pipeline_digest', { path: 'a' })
  expect(world.sent).toHaveLength(1)
})

test('a step of another pipeline runs that, and a failure of it names the steps of both', async () => {
  const outer = pipeline([{ id: 'inner', tool: 'pipeline_inner' }], { name: 'outer' })
  const inner = pipeline([{ id: 'read', tool: 'files_read', arguments: { n: '${length(input.a)}' } }], {
    name: 'inner',
  })
  const world = new World(outer, inner)
  world.offer('read')
  await expect(world.run('pipeline_outer')).rejects.toMatchObject({
    code: 'pipeline_step_failed',
    message: expect.stringContaining('Step inner: Step read: expression: '),
    facts: { step: 'inner' },
  })
})

test('an enhancer that is not there leaves the prompt as it is', async () => {
  const world = new World(pipeline([{ id: 'ask', enhance: { prompt: 'Be ${input.how}' } }]))
  expect(await world.run('pipeline_digest', { how: 'kind' })).toMatchObject({
    content: [{ type: 'text', text: 'Be kind' }],
    structuredContent: { prompt: 'Be kind', enhanced: false, reason: 'off' },
  })
})

test('the servers of its steps cannot reach the client', async () => {
  const world = new World(pipeline(STEPS))
  world.offer('read')
  const client = { era: 'legacy', capabilities: {}, name: 'x' } as unknown as NonNullable<Operation['client']>
  await world.run('pipeline_digest', { path: 'a' }, {}, { client })
  expect(world.clients).toEqual([undefined])
})

test('between two expressions others have a turn of the event loop, also where every step is skipped', async () => {
  const steps = Array.from({ length: 50 }, (_, at) => ({
    id: `s${at}`,
    tool: 'files_read',
    when: 'input.on',
  }))
  const world = new World(pipeline(steps, { name: 'skips' }))
  world.offer('read')
  let turns = 0
  let clock: NodeJS.Immediate
  const tick = (): void => {
    turns += 1
    clock = setImmediate(tick)
  }
  clock = setImmediate(tick)
  await world.run('pipeline_skips')
  clearImmediate(clock)
  expect(world.sent).toEqual([])
  expect(turns).toBeGreaterThanOrEqual(49)
})

test('nobody is asked for approval of a run that would be refused', async () => {
  const inputSchema = { type: 'object', required: ['path'], properties: { path: { type: 'string' } } }
  const world = new World(pipeline(STEPS, { name: 'strict', inputSchema }))
  world.offer('read')
  await expect(world.run('pipeline_strict', { path: 1 })).rejects.toMatchObject({ code: 'invalid_arguments' })
  world.offer('write')
  await expect(world.run('pipeline_strict', { path: 'a' })).rejects.toMatchObject({
    code: 'pipeline_invalid',
  })
  expect(world.asked).toEqual([])
  world.offer('read')
  await world.run('pipeline_strict', { path: 'a' })
  expect(world.asked).toEqual(['strict'])
})
