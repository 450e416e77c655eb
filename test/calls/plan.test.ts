import { describe, expect, test } from '@jest/globals'
import {
  type Answer,
  type PlannedTarget,
  rerouted,
  type RoutedCall,
  type Stage,
  type StageFor,
} from '../../src/calls/stage.ts'
import { Calls } from '../../src/calls/calls.ts'
import { callChain } from '../../src/calls/call-chain.ts'
import { Plans, runFrom } from '../../src/calls/plan.ts'
import { METHODS } from '../../src/calls/methods.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { serverKey } from '../../src/domain/documents/server-definition.ts'
import { ruleFor } from '../../src/features/approvals/approval-stage.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { offer, server, snapshotOf, tool } from '../support/offers.ts'
import {
  answering,
  caller,
  catalogOf,
  operation,
  type OperationFields,
  routedCall,
} from '../support/routing.ts'
import { chainParts } from './chain-parts.ts'

const ALPHA = server()
const ROUTE = { server: ALPHA, name: 'echo' }

/** A call of `echo` of alpha through these stages. */
function run(...stages: StageFor[]): Promise<Answer> {
  return runFrom(routedCall(ROUTE, { timeoutMs: 1000 }, { stages }), 0)
}

describe('the stages of a call', () => {
  test('run in order, each around the next, on the call that the one before passes on', async () => {
    const steps: string[] = []
    const outer: StageFor = () => async (call, next) => {
      steps.push('in')
      const answer = await next({ ...call, timeoutMs: 5 })
      steps.push('out')
      return answer
    }
    const inner = answering(({ timeoutMs, startedAt }) => ({ timeoutMs, startedAt }))
    expect(await run(outer, inner)).toEqual({ route: ROUTE, result: { timeoutMs: 5, startedAt: 0 } })
    expect(steps).toEqual(['in', 'out'])
  })

  test('that do nothing for a target are not among them', async () => {
    const nothing: StageFor = () => undefined
    const { plan } = routedCall(ROUTE, {}, { stages: [nothing, answering(() => ({})), nothing] })
    const [first, second, third, end] = plan.from
    expect([first === second, second === third, third === end, plan.from.length]).toEqual([
      true,
      false,
      true,
      4,
    ])
    expect(
      await run(
        nothing,
        nothing,
        answering(() => ({ x: 1 })),
      ),
    ).toMatchObject({ result: { x: 1 } })
  })

  test('reject where one of them throws at once, so that those before it see that', async () => {
    const seen: unknown[] = []
    const watching: StageFor = () => (call, next) =>
      next(call).catch((error: unknown) => {
        seen.push(error)
        throw error
      })
    const defect = new Error('oh no')
    const throwing: StageFor = () => () => {
      throw defect
    }
    await expect(run(watching, throwing)).rejects.toBe(defect)
    await expect(run(throwing)).rejects.toBe(defect)
    expect(seen).toEqual([defect])
  })

  test('end with the last one: that it asks for another is a defect', async () => {
    const asking: StageFor = () => (call, next) => next(call)
    for (const stages of [[asking], [asking, asking], []])
      await expect(run(...stages)).rejects.toThrow('the last stage must not call next()')
  })
})

describe('a call that is passed on to another target', () => {
  /** Says at which target each stage was, and for which it was made. */
  const steps: string[] = []
  const noting = (position: string): StageFor => {
    return ({ server: { name: made }, name: tooled }) =>
      (call, next) => {
        const { route } = call
        steps.push(`${position}: ${route.server.name} ${route.name}, made for ${made} ${tooled}`)
        return next(call)
      }
  }

  test('has the stages of that target from the next position on', async () => {
    const beta = server({ name: 'beta' })
    const decision = { effect: 'allow', ruleId: 'allow' } as const
    const moving: StageFor = () => (call, next) =>
      next(rerouted(call, { server: beta, name: 'say' }, decision))
    const stages = [noting('first'), moving, noting('third'), answering(({ route }) => ({ by: route.name }))]
    const call = routedCall(ROUTE, {}, { stages, catalog: catalogOf([ALPHA, undefined], [beta, undefined]) })
    call.info.instance = 'alpha-1'
    expect(await runFrom(call, 0)).toMatchObject({ route: { name: 'say' }, result: { by: 'say' } })
    expect(steps).toEqual(['first: alpha echo, made for alpha echo', 'third: beta say, made for beta say'])
    expect(call.info).toEqual({ route: { server: beta, name: 'say' }, decision, instance: undefined })
    expect([call.route, call.plan.target.name]).toEqual([ROUTE, 'echo'])
  })

  test('is the very same where the target is', () => {
    const call = routedCall(ROUTE)
    expect(rerouted(call, call.route)).toBe(call)
  })
})

describe('stages are made', () => {
  const named = (...names: string[]) => offer({ tools: names.map((name) => tool(name)) })

  /** Plans whose one stage notes for what it was made. */
  function counting(catalog = catalogOf([ALPHA, named('echo', 'sum')])) {
    const made: PlannedTarget[] = []
    const stage: StageFor = (target) => {
      made.push(target)
      return undefined
    }
    return { catalog, made, plans: new Plans({ stages: [stage], catalog }) }
  }
  const namesOf = (made: readonly PlannedTarget[]): string[] =>
    made.map(({ method, server: { name: of }, name }) => `${method.name} ${of} ${name}`)

  test('once for each tool and method of a server', () => {
    const { plans, made } = counting()
    const plan = plans.of(ROUTE, METHODS.toolsCall)
    expect(plans.of({ ...ROUTE }, METHODS.toolsCall)).toBe(plan)
    plans.of({ server: ALPHA, name: 'sum' }, METHODS.toolsCall)
    plans.of(ROUTE, METHODS.tasksGet)
    expect(plan.at(ROUTE)).toBe(plan)
    expect(namesOf(made)).toEqual(['tools/call alpha echo', 'tools/call alpha sum', 'tasks/get alpha echo'])
  })

  test('once for all prompts and all resources of a server: the document says nothing of them', () => {
    const { plans, made } = counting()
    for (const name of ['x://1', 'x://2', 'x://3'])
      for (const method of [METHODS.resourcesRead, METHODS.promptsGet])
        plans.of({ server: ALPHA, name }, method)
    expect(namesOf(made)).toEqual(['resources/read alpha ', 'prompts/get alpha '])
    expect(made[0]?.policy.overrides).toEqual([])
  })

  test('of what the server offers and its document says', () => {
    const own = server({ tools: { echo: { timeoutMs: 7 } } })
    const { plans, made, catalog } = counting(catalogOf([own, named('echo')]))
    plans.of({ server: own, name: 'echo' }, METHODS.toolsCall)
    plans.of({ server: own, name: 'gone' }, METHODS.toolsCall)
    expect(made).toMatchObject([
      { policy: { timeoutMs: 7 }, tool: { own: { name: 'echo' } } },
      { policy: { timeoutMs: undefined }, tool: undefined },
    ])
    expect(made.map(({ offered }) => offered)).toEqual([catalog.catalogOf(own), catalog.catalogOf(own)])
  })

  test('again after the server offers something else, and after its document changed', () => {
    const { plans, made, catalog } = counting()
    const first = plans.of(ROUTE, METHODS.toolsCall)
    catalog.setOffer(serverKey(ALPHA), named('echo'))
    const second = plans.of(ROUTE, METHODS.toolsCall)
    expect(first.at(ROUTE)).toBe(second)
    const edited = server({ timeoutMs: 5000 })
    catalog.applySnapshot(snapshotOf(edited))
    const third = plans.of({ server: edited, name: 'echo' }, METHODS.toolsCall)
    expect(plans.of({ server: edited, name: 'echo' }, METHODS.toolsCall)).toBe(third)
    expect(made.map(({ policy, offered }) => [policy.timeoutMs, offered?.offer.tools.length])).toEqual([
      [undefined, 2],
      [undefined, 1],
      [5000, 1],
    ])
  })

  test('for a server that has offered nothing yet, and again once it has', () => {
    const { plans, made, catalog } = counting(catalogOf([ALPHA, undefined]))
    plans.of(ROUTE, METHODS.toolsCall)
    plans.of(ROUTE, METHODS.toolsCall)
    catalog.setOffer(serverKey(ALPHA), named('echo'))
    plans.of(ROUTE, METHODS.toolsCall)
    expect(made.map(({ tool: offered }) => offered?.name)).toEqual([undefined, 'echo'])
  })

  test('again for the first ones when there were more targets than a server can have', () => {
    const { plans, made } = counting()
    for (let index = 0; index <= 20_000; index += 1)
      plans.of({ server: ALPHA, name: `t${index}` }, METHODS.toolsCall)
    plans.of({ server: ALPHA, name: 't20000' }, METHODS.toolsCall)
    expect(made).toHaveLength(20_001)
    plans.of({ server: ALPHA, name: 't0' }, METHODS.toolsCall)
    expect(made).toHaveLength(20_002)
  })
})

describe('the stages of the gateway', () => {
  /** By position: what an operator adds comes second, and here it looks at the plan of each call. */
  const NAMES = [
    'limits',
    'operator',
    'intent',
    'caller errors',
    'kept result',
    'approval inside',
    'feature',
    'input rounds',
    'task calls',
    'fallback',
    'delegated',
    'accounts',
    'url elicitations',
    'untrusted',
    'preview',
    'shown URIs',
    'redact',
    'shape',
    'approval',
    'result cache',
    'retry',
    'send',
  ]

  /** The stages that a call of alpha passes, with this document. */
  async function passed(document: JsonObject, fields: OperationFields = {}): Promise<string[]> {
    let plan: RoutedCall['plan'] | undefined
    const looking: Stage = (call, next) => {
      plan = call.plan
      return next(call)
    }
    const offered = offer({
      tools: [tool('echo', { annotations: { readOnlyHint: true } })],
      prompts: [{ name: 'echo' }],
      resources: [{ name: 'one', uri: 'x://1' }],
    })
    const catalog = catalogOf([server(document), offered])
    const parts = chainParts(catalog, () => ({ content: [] }), { ownStages: [looking] })
    const approval: StageFor = (target) => ruleFor(target) && ((call, next) => next(call))
    const own = { ...parts.own, stages: [() => undefined], approval }
    const calls = new Calls({ clock: new FakeClock(), chain: callChain({ ...parts, own }).run })
    await calls.run(caller(), operation(fields))
    const { from = [] } = plan ?? {}
    expect(from).toHaveLength(NAMES.length + 1)
    return NAMES.filter((_name, position) => from[position] !== from[position + 1])
  }

  const ALWAYS = ['limits', 'operator', 'caller errors', 'input rounds', 'task calls', 'url elicitations']

  test('that a plain call of a plain tool passes are these', async () => {
    expect(await passed({})).toEqual([...ALWAYS, 'shown URIs', 'retry', 'send'])
    expect(await passed({ retry: { maxAttempts: 1 } })).toEqual([...ALWAYS, 'shown URIs', 'send'])
  })

  test('that a call passes for which the document says everything are all', async () => {
    const rules = { preview: { aboveBytes: 1000 }, untrusted: true, redact: ['x'] }
    const tools = { echo: { cacheTtlMs: 1000, maxResultBytes: 1000, ...rules } }
    const others = [
      'kept result',
      'feature',
      'intent',
      'delegated',
      'accounts',
      'approval inside',
      'approval',
    ]
    const all = NAMES.filter((name) => !others.includes(name))
    expect(await passed({ fallback: 'beta', tools })).toEqual(all)
  })

  test('that a call of a tool passes that needs a yes have one for it, and no cache', async () => {
    const tools = { echo: { approval: 'caller', cacheTtlMs: 1000 } }
    const marked = [...ALWAYS, 'shown URIs', 'approval', 'retry', 'send']
    expect(await passed({ tools })).toEqual(marked)
    expect(await passed({ approval: { tools: 'all' } })).toEqual(marked)
    expect(await passed({ approval: { tools: 'destructive' } })).not.toContain('approval')
  })

  test.each<[string, OperationFields, string[]]>([
    [
      'of a prompt',
      { action: 'get', kind: 'prompt', method: 'prompts/get' },
      [...ALWAYS, 'shown URIs', 'retry', 'send'],
    ],
    [
      'of a resource',
      { action: 'read', kind: 'resource', method: 'resources/read', name: 'x://1' },
      [...ALWAYS.toSpliced(3, 0, 'kept result'), 'shown URIs', 'retry', 'send'],
    ],
    [
      'of a completion',
      { action: 'complete', kind: 'prompt', method: 'completion/complete' },
      [...ALWAYS, 'retry', 'send'],
    ],
  ])('%s do nothing that is meant for tools', async (_what, fields, names) => {
    const rules = { preview: { aboveBytes: 1000 }, untrusted: true, redact: ['x'] }
    const tools = { '*': { cacheTtlMs: 1000, maxResultBytes: 1000, ...rules } }
    expect(await passed({ fallback: 'beta', tools }, fields)).toEqual(names)
  })
})
