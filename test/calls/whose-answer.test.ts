import { expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { BoundedCache } from '../../src/cache/bounded-cache.ts'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../src/domain/json/json.ts'
import { Allowances } from '../../src/calls/limits/allowances.ts'
import { authorize } from '../../src/calls/stages/authorize.ts'
import type { Call, CallerClient } from '../../src/calls/call.ts'
import { Calls } from '../../src/calls/calls.ts'
import { fallback } from '../../src/calls/stages/fallback.ts'
import { inputRounds } from '../../src/calls/stages/input-rounds.ts'
import { Limits } from '../../src/calls/stages/limits.ts'
import { resultCache } from '../../src/calls/stages/result-cache.ts'
import { shape } from '../../src/calls/stages/shape.ts'
import { StateSeal } from '../../src/calls/state-seal.ts'
import { taskCalls } from '../../src/calls/stages/task-calls.ts'
import { TaskHandles } from '../../src/calls/tasks/task-handles.ts'
import { TaskMemory } from '../../src/calls/tasks/task-memory.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { offer, server, snapshotOf, tool } from '../support/offers.ts'
import { caller, catalogOf } from '../support/routing.ts'

const SERVERS = ['alpha', 'beta', 'gamma'] as const
const WHO = ['ann', 'bob'] as const
type ServerName = (typeof SERVERS)[number]
type Who = (typeof WHO)[number]
type Style = 'state' | 'bare' | 'answer'

const definitions = (fallbackOfAlpha: ServerName): ReturnType<typeof server>[] => [
  server({ name: 'alpha', fallback: fallbackOfAlpha, tools: { echo: { cacheTtlMs: 60_000 } } }),
  server({ name: 'beta', fallback: 'gamma', tools: { echo: { defaults: { region: 'eu' } } } }),
  server({ name: 'gamma' }),
]

/** Three servers that ask their callers, each other's fallbacks, and which of them was sent what it never asked for. */
class World {
  readonly wrong: string[] = []
  readonly served: string[] = []
  readonly down = new Set<ServerName>()
  readonly #asked = new Set<string>()
  readonly #states = new Set<string>()
  readonly #catalog: Catalog
  readonly #calls: Calls
  #count = 0

  constructor() {
    const clock = new FakeClock()
    const offered = offer({ tools: [tool('echo', { annotations: { readOnlyHint: true } })] })
    const catalog = catalogOf(
      ...definitions('beta').map((each) => [each, offered] as [typeof each, typeof offered]),
    )
    const limits = new Limits({ allowances: new Allowances({ clock }), quotasOf: () => undefined })
    const tasks = { handles: new TaskHandles({ key: Buffer.alloc(32) }), memory: new TaskMemory() }
    const declared = { eraOf: () => 'modern' as const, capabilitiesOf: () => ({}) }
    this.#catalog = catalog
    this.#calls = new Calls({
      clock,
      stages: [
        authorize(catalog),
        inputRounds({ seal: new StateSeal({ key: Buffer.alloc(32), clock }), clock, catalog, limits }),
        taskCalls({ tasks, declared, catalog }),
        fallback({ catalog, limits, metrics: { fallback: () => undefined } }),
        shape(catalog),
        resultCache({ cache: new BoundedCache({ maxEntries: 10, maxBytes: 10_000, clock }), catalog }),
        (call) => this.#serve(call),
      ],
    })
  }

  standIn(name: ServerName): void {
    this.#catalog.applySnapshot(snapshotOf(...definitions(name)))
  }

  toggle(name: ServerName): void {
    if (!this.down.delete(name)) this.down.add(name)
  }

  /** @returns the result, or the error's code */
  async call(
    who: Who,
    name: string,
    params: JsonObject,
    era: 'modern' | 'legacy' = 'modern',
  ): Promise<JsonObject> {
    const client: CallerClient = {
      era,
      capabilities: { elicitation: { form: {} } },
      logLevel: undefined,
      tell: () => undefined,
      ...(era === 'legacy' && { ask: (_method, asked) => Promise.resolve({ content: asked?.['token'] }) }),
    }
    const operation = {
      action: 'call',
      kind: 'tool',
      name,
      scope: undefined,
      method: 'tools/call',
      params: { name, ...params },
      signal: new AbortController().signal,
      client,
    } as const
    return this.#calls.run(caller({ subject: who }), operation).catch((error: unknown) => {
      if (error instanceof GatewayError) return { failed: error.code }
      throw error
    })
  }

  #serve({ route, caller: { principal }, params }: Call): Promise<JsonObject> {
    const name = (route?.server.name ?? '') as ServerName
    if (this.down.has(name))
      return Promise.reject(
        new GatewayError('upstream_unavailable', undefined, { facts: { mayHaveExecuted: false } }),
      )
    const self = `${name}/${principal.subject}`
    this.served.push(self)
    const responses = params['inputResponses']
    const answers = isJsonObject(responses) ? Object.entries(responses) : []
    this.#check(self, answers, params['requestState'])
    const { style: its } = params['arguments'] as { style: Style }
    const isDone = its === 'answer' || answers.length > 0
    return Promise.resolve(isDone ? { content: [], by: name } : this.#ask(self, its))
  }

  #check(self: string, answers: readonly [string, unknown][], state: unknown): void {
    for (const [key, given] of answers) {
      const token = isJsonObject(given) ? String(given['content']) : ''
      if (!this.#asked.has(`${self} ${key} ${token}`)) this.wrong.push(`${self} got ${key}: ${token}`)
    }
    if (state !== undefined && !this.#states.has(`${self} ${JSON.stringify(state)}`))
      this.wrong.push(`${self} got the state ${JSON.stringify(state)}`)
  }

  #ask(self: string, style: Style): JsonObject {
    this.#count += 1
    // Servers number their questions in the same way, so that an answer fits everywhere.
    const token = `${self} ${this.#count}`
    this.#asked.add(`${self} q ${token}`)
    const requestState = `state of ${token}`
    if (style === 'state') this.#states.add(`${self} ${JSON.stringify(requestState)}`)
    return {
      resultType: 'input_required',
      inputRequests: { q: { method: 'elicitation/create', params: { token } } },
      ...(style === 'state' && { requestState }),
    }
  }
}

interface Open {
  readonly who: Who
  readonly name: string
  readonly style: Style
  readonly result: JsonObject
}

/** What an honest client answers. */
function answerTo({ result, style }: Pick<Open, 'result' | 'style'>): JsonObject {
  const { inputRequests, requestState } = result
  const { q } = inputRequests as { q: { params: { token: string } } }
  return {
    arguments: { style },
    inputResponses: { q: { content: q.params.token } },
    ...(requestState !== undefined && { requestState }),
  }
}

const anyServer = fc.constantFrom(...SERVERS)
const style = fc.constantFrom<Style>('state', 'bare', 'answer')
const request = fc.record({
  kind: fc.constant('call' as const),
  who: fc.constantFrom(...WHO),
  to: anyServer,
  style,
  era: fc.constantFrom('modern' as const, 'modern' as const, 'legacy' as const),
})
const reply = fc.record({
  kind: fc.constant('answer' as const),
  which: fc.nat(5),
  who: fc.option(fc.constantFrom(...WHO), { nil: undefined }),
  to: fc.option(anyServer, { nil: undefined }),
  state: fc.constantFrom('own' as const, 'none' as const, 'stolen' as const),
  style: fc.option(style, { nil: undefined }),
})
const change = fc.record({ kind: fc.constantFrom('toggle' as const, 'standIn' as const), server: anyServer })
type Step = typeof request extends fc.Arbitrary<infer T> ? T : never
type Answer = typeof reply extends fc.Arbitrary<infer T> ? T : never
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never

/** Callers and servers of one script. */
class Play {
  readonly world = new World()
  readonly #open: Open[] = []

  async step(step: Step | Answer | Change): Promise<void> {
    if (step.kind === 'call') await this.#call(step)
    else if (step.kind === 'answer') await this.#answer(step)
    else if (step.kind === 'toggle') this.world.toggle(step.server)
    else this.world.standIn(step.server)
  }

  async #call({ who, to, style: its, era }: Step): Promise<void> {
    const name = `${to}_echo`
    const result = await this.world.call(who, name, { arguments: { style: its } }, era)
    this.#note({ who, name, style: its, result })
  }

  async #answer({ which, who: given, to, state, style: its }: Answer): Promise<void> {
    const asked = this.#open[which]
    if (asked === undefined) return
    const { requestState: own, ...params } = answerTo({ ...asked, style: its ?? asked.style })
    const who = given ?? asked.who
    // Which of its own questions a client means to answer is for the client to say.
    const stolen = this.#open.find((each) => each.who !== who)?.result['requestState']
    const requestState = { own, stolen, none: undefined }[state]
    const name = to === undefined ? asked.name : `${to}_echo`
    const sent = { ...params, ...(requestState !== undefined && { requestState }) }
    this.#note({ who, name, style: asked.style, result: await this.world.call(who, name, sent) })
  }

  #note(asked: Open): void {
    if (asked.result['resultType'] === 'input_required') this.#open.unshift(asked)
  }
}

test('whatever a server is sent answers a question that this server asked this caller', async () => {
  const script = fc.array(fc.oneof(request, reply, change), { minLength: 3, maxLength: 25 })
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const play = new Play()
      for (const step of steps) await play.step(step)
      expect(play.world.wrong).toEqual([])
    }),
    { numRuns: 400 },
  )
})

test.each(['state', 'bare'] as const)(
  'the answer to a question of the server that stood in goes to that server, back up or not (%s)',
  async (kind) => {
    const world = new World()
    world.toggle('alpha')
    const first = await world.call('ann', 'alpha_echo', { arguments: { style: kind } })
    world.toggle('alpha')
    const second = await world.call('ann', 'alpha_echo', answerTo({ style: kind, result: first }))
    expect(second).toEqual({ content: [], by: 'beta' })
    world.toggle('beta')
    const third = await world.call('ann', 'alpha_echo', answerTo({ style: kind, result: first }))
    expect(third).toEqual({ failed: 'upstream_unavailable' })
    expect(world.served).toEqual(['beta/ann', 'beta/ann'])
  },
)

test('an answer that comes without the state of its question is not sent, and the server asks again', async () => {
  const world = new World()
  const first = await world.call('ann', 'gamma_echo', { arguments: { style: 'bare' } })
  const { requestState: _state, ...answer } = answerTo({ style: 'bare', result: first })
  expect(await world.call('ann', 'gamma_echo', answer)).toMatchObject({ resultType: 'input_required' })
})
