import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { soak } from '../support/soak.ts'
import { AnswerWorld, type Era, SERVERS, WHO, type Who } from './answer-world.ts'
import type { Style } from './asking-servers.ts'

interface Open {
  readonly who: Who
  /** The tool that was called; undefined for a task that has a question. */
  readonly name: string | undefined
  readonly style: Style
  readonly result: JsonObject
}

/** What an honest client answers; with `isMore` also what nobody asked it. */
function answerTo({ result, style }: Pick<Open, 'result' | 'style'>, isMore = false): JsonObject {
  const { inputRequests, requestState } = result
  const { q } = inputRequests as { q: { params: { token: string } } }
  return {
    arguments: { style },
    inputResponses: { q: { content: q.params.token }, ...(isMore && { other: { content: 'x' } }) },
    ...(requestState !== undefined && { requestState }),
  }
}

const anyServer = fc.constantFrom(...SERVERS)
const style = fc.constantFrom<Style>('state', 'bare', 'answer', 'task', 'url')
/** Most clients go on with what is theirs. */
const instead = <T>(other: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(other, { nil: undefined, freq: 2 })
const request = fc.record({
  kind: fc.constant('call' as const),
  /** Two callers call at the same time. */
  who: fc.constantFrom<readonly Who[]>(['ann'], ['bob'], ['ann', 'bob']),
  to: anyServer,
  style,
  era: fc.constantFrom<Era>('modern', 'modern', 'legacy'),
  /** Whether the server is the other way round, down or up, for the time of the call. */
  isOutage: fc.boolean(),
})
const reply = fc.record({
  kind: fc.constant('answer' as const),
  which: fc.nat(5),
  who: instead(fc.constantFrom(...WHO)),
  to: instead(anyServer),
  state: fc.constantFrom('own' as const, 'own' as const, 'none' as const, 'stolen' as const),
  style: instead(style),
  /** Whether it answers what it was not asked, too. */
  isMore: fc.boolean(),
})
const taskStep = fc.record({
  kind: fc.constant('task' as const),
  which: fc.nat(3),
  who: instead(fc.constantFrom(...WHO)),
  method: fc.constantFrom('tasks/get', 'tasks/get', 'tasks/cancel'),
})
const change = fc.record({ kind: fc.constantFrom('toggle' as const, 'standIn' as const), server: anyServer })
const fault = fc.record({
  kind: fc.constant('stumble' as const),
  server: anyServer,
  how: fc.constantFrom('not sent' as const, 'lost' as const),
})
type Of<T> = T extends fc.Arbitrary<infer Value> ? Value : never
type Step = Of<typeof request> | Of<typeof reply> | Of<typeof taskStep> | Of<typeof change> | Of<typeof fault>

/** Callers and servers of one script. */
class Play {
  readonly world = new AnswerWorld()
  readonly #open: Open[] = []
  readonly #tasks: { readonly who: Who; readonly taskId: string }[] = []

  async step(step: Step): Promise<void> {
    if (step.kind === 'call') await this.#call(step)
    else if (step.kind === 'answer') await this.#answer(step)
    else if (step.kind === 'task') await this.#task(step)
    else if (step.kind === 'stumble') this.world.servers.stumble(step.server, step.how)
    else if (step.kind === 'toggle') this.world.servers.toggle(step.server)
    else this.world.standIn(step.server)
  }

  async #call({ who: callers, to, style: its, era, isOutage }: Of<typeof request>): Promise<void> {
    const name = `${to}_echo`
    if (isOutage) this.world.servers.toggle(to)
    await Promise.all(
      callers.map(async (who) => {
        const result = await this.world.call(who, name, { arguments: { style: its } }, era)
        this.#note({ who, name, style: its, result })
      }),
    )
    if (isOutage) this.world.servers.toggle(to)
  }

  async #answer({ which, who: given, to, state, style: its, isMore }: Of<typeof reply>): Promise<void> {
    const asked = this.#open[which % this.#open.length]
    if (asked === undefined) return
    const who = given ?? asked.who
    if (asked.name === undefined) {
      const { inputResponses } = answerTo(asked)
      await this.world.request(who, 'tasks/update', { taskId: asked.result['taskId'], inputResponses })
      return
    }
    const { requestState: own, ...params } = answerTo({ ...asked, style: its ?? asked.style }, isMore)
    // Which of its own questions a client means to answer is for the client to say.
    const stolen = this.#open.find((each) => each.who !== who)?.result['requestState']
    const requestState = { own, stolen, none: undefined }[state]
    const name = to === undefined ? asked.name : `${to}_echo`
    const sent = { ...params, ...(requestState !== undefined && { requestState }) }
    this.#note({ who, name, style: asked.style, result: await this.world.call(who, name, sent) })
  }

  async #task({ which, who: given, method }: Of<typeof taskStep>): Promise<void> {
    const task = this.#tasks[which % this.#tasks.length]
    if (task === undefined) return
    const who = given ?? task.who
    const result = await this.world.request(who, method, { taskId: task.taskId })
    if (result['status'] === 'input_required')
      this.#open.unshift({ who, name: undefined, style: 'task', result })
  }

  #note(asked: Open): void {
    const { resultType, taskId } = asked.result
    if (resultType === 'input_required') this.#open.unshift(asked)
    if (typeof taskId === 'string') this.#tasks.unshift({ who: asked.who, taskId })
  }
}

test('every answer that a server gets is to a question that this server asked this caller', async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: request },
    { weight: 5, arbitrary: reply },
    { weight: 2, arbitrary: taskStep },
    { weight: 2, arbitrary: change },
    { weight: 1, arbitrary: fault },
  )
  await fc.assert(
    fc.asyncProperty(fc.array<Step>(step, { minLength: 3, maxLength: 25 }), async (steps) => {
      const play = new Play()
      for (const each of steps) await play.step(each)
      expect(play.world.servers.wrong).toEqual([])
    }),
    { numRuns: soak(400, 100) },
  )
})

test('every stage gets a call that it cannot change', async () => {
  const world = new AnswerWorld((call, next) => {
    Object.assign(call, { params: {} })
    return next(call)
  })
  expect(await world.call('ann', 'gamma_echo', { arguments: { style: 'answer' } })).toEqual({
    failed: 'internal',
  })
  expect(world.servers.served).toEqual([])
})

test.each(['state', 'bare'] as const)(
  'the answer to a question of the server that stood in goes to that server, back up or not (%s)',
  async (kind) => {
    const world = new AnswerWorld()
    const { servers } = world
    servers.toggle('alpha')
    const first = await world.call('ann', 'alpha_echo', { arguments: { style: kind } })
    servers.toggle('alpha')
    const second = await world.call('ann', 'alpha_echo', answerTo({ style: kind, result: first }))
    expect(second).toEqual({ content: [], by: 'beta' })
    servers.toggle('beta')
    const third = await world.call('ann', 'alpha_echo', answerTo({ style: kind, result: first }))
    expect(third).toEqual({ failed: 'upstream_unavailable' })
    expect(servers.served).toEqual(['beta/ann', 'beta/ann'])
  },
)

test('an answer that comes without the state of its question is not sent, and the server asks again', async () => {
  const world = new AnswerWorld()
  const first = await world.call('ann', 'gamma_echo', { arguments: { style: 'bare' } })
  const { requestState: _state, ...answer } = answerTo({ style: 'bare', result: first })
  expect(await world.call('ann', 'gamma_echo', answer)).toMatchObject({ resultType: 'input_required' })
})

describe('what a server is sent', () => {
  test('is the same in every attempt, and the question of the last one is answered', async () => {
    const world = new AnswerWorld()
    world.servers.stumble('beta', 'lost')
    const result = await world.call('ann', 'beta_echo', { arguments: { style: 'state' } })
    world.servers.stumble('beta', 'not sent')
    expect(await world.call('ann', 'beta_echo', answerTo({ style: 'state', result }))).toEqual({
      content: [],
      by: 'beta',
    })
    expect(world.counted).toEqual(['beta repeated', 'beta repeated'])
    expect(world.servers).toMatchObject({ wrong: [], served: ['beta/ann', 'beta/ann', 'beta/ann'] })
  })

  test('by a legacy client is the answer to the question of the fallback, after the attempts at the first', async () => {
    const world = new AnswerWorld()
    world.servers.toggle('alpha')
    const result = await world.call('bob', 'alpha_echo', { arguments: { style: 'state' } }, 'legacy')
    expect(result).toEqual({ content: [], by: 'beta' })
    expect(world.counted).toEqual(['alpha repeated', 'alpha repeated', 'alpha fallback'])
    expect(world.servers).toMatchObject({ wrong: [], served: ['beta/bob', 'beta/bob'] })
  })

  test('of a task is its own id, from the caller that has it alone', async () => {
    const world = new AnswerWorld()
    const begin = (who: Who, to: string): Promise<JsonObject> =>
      world.call(who, `${to}_echo`, { arguments: { style: 'task' } })
    const { taskId } = await begin('ann', 'beta')
    await begin('bob', 'gamma')
    expect(await world.request('ann', 'tasks/get', { taskId })).toMatchObject({ status: 'input_required' })
    expect(await world.request('bob', 'tasks/get', { taskId })).toEqual({ failed: 'task_not_found' })
    expect(world.servers).toMatchObject({ wrong: [], served: ['beta/ann', 'gamma/bob', 'beta/ann'] })
  })

  test('after a page was opened is the call alone', async () => {
    const world = new AnswerWorld()
    const result = await world.call('ann', 'gamma_echo', { arguments: { style: 'url' } })
    expect(result).toMatchObject({ resultType: 'input_required', inputRequests: { q: {} } })
    expect(result).not.toHaveProperty('requestState')
    expect(await world.call('ann', 'gamma_echo', answerTo({ style: 'url', result }))).toEqual({
      content: [],
      by: 'gamma',
    })
    expect(world.servers.wrong).toEqual([])
  })

  test('of equal calls at the same time is one call, and each caller is asked its own question', async () => {
    const world = new AnswerWorld()
    const call = (who: Who, kind: Style): Promise<JsonObject> =>
      world.call(who, 'alpha_echo', { arguments: { style: kind } })
    const same = await Promise.all([call('ann', 'answer'), call('bob', 'answer')])
    expect(same).toEqual([
      { content: [], by: 'alpha' },
      { content: [], by: 'alpha' },
    ])
    expect(world.servers.served).toEqual(['alpha/ann'])
    const asked = await Promise.all([call('ann', 'state'), call('bob', 'state')])
    expect(asked.map(({ inputRequests }) => inputRequests)).toMatchObject([
      { q: { params: { token: 'alpha/ann 1' } } },
      { q: { params: { token: 'alpha/bob 2' } } },
    ])
  })
})
