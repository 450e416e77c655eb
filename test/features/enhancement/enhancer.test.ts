import { expect, test } from '@jest/globals'
import { BoundedCache } from '../../../src/cache/bounded-cache.ts'
import { enhancementRuleSchema } from '../../../src/domain/documents/enhancement-rule.ts'
import {
  Enhancer,
  type EnhancementOutcome,
  type EnhanceRequest,
} from '../../../src/features/enhancement/enhancer.ts'
import { CircuitBreaker } from '../../../src/upstream/health/circuit-breaker.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const rule = enhancementRuleSchema.parse({ name: 'r', tenantId: '*', model: 'tiny', systemPrompt: 'Do' })

/** An enhancer whose model says nothing until the test ends its answers. */
function world(): {
  clock: FakeClock
  answers: PromiseWithResolvers<string>[]
  outcomes: EnhancementOutcome[]
  say: (text: string) => void
  enhance: (request?: Partial<EnhanceRequest>) => ReturnType<Enhancer['enhance']>
} {
  const clock = new FakeClock()
  const answers: PromiseWithResolvers<string>[] = []
  const outcomes: EnhancementOutcome[] = []
  const hears: (((soFar: string) => void) | undefined)[] = []
  const enhancer = new Enhancer({
    model: {
      answer: (_request, { onText }) => {
        hears.push(onText)
        const answer = Promise.withResolvers<string>()
        answers.push(answer)
        return answer.promise
      },
    },
    rules: () => [rule],
    breaker: new CircuitBreaker({
      server: 'ollama',
      settings: {
        enabled: true,
        failureThreshold: 3,
        errorPercentage: 50,
        minimumCalls: 20,
        windowMs: 60_000,
        recoveryTimeoutMs: 1000,
      },
      clock,
      onTransition: () => undefined,
    }),
    cache: new BoundedCache({ maxEntries: 10, maxBytes: 100_000, clock }),
    cacheTtlMs: 1000,
    onOutcome: (outcome) => outcomes.push(outcome),
    clock,
  })
  return {
    clock,
    answers,
    outcomes,
    say: (text) => hears.forEach((hear) => hear?.(text)),
    enhance: (request = {}) =>
      enhancer.enhance({
        tenantId: 'acme',
        client: undefined,
        prompt: 'p',
        signal: new AbortController().signal,
        ...request,
      }),
  }
}

test('who comes later is told everything that was said before', async () => {
  const { clock, answers, say, enhance } = world()
  const [early, late]: string[][] = [[], []]
  const first = enhance({ onText: (piece) => early?.push(piece) })
  await clock.advance(0)
  say('one')
  const second = enhance({ onText: (piece) => late?.push(piece) })
  say('one two')
  answers[0]?.resolve('one two')
  expect(await Promise.all([first, second])).toMatchObject([{ prompt: 'one two' }, { prompt: 'one two' }])
  expect([early, late, answers.length]).toEqual([['one', ' two'], ['one two'], 1])
})

test('an answer that comes too late for its caller is there for the next', async () => {
  const { clock, answers, outcomes, enhance } = world()
  const heard: string[] = []
  const waiting = enhance({ withinMs: 100, onText: (piece) => heard.push(piece) })
  await clock.advance(100)
  expect(await waiting).toEqual({ prompt: 'p', enhanced: false, reason: 'timeout' })
  answers[0]?.resolve('better')
  await clock.advance(0)
  expect(await enhance()).toEqual({ prompt: 'better', enhanced: true, model: 'tiny', cached: true })
  expect([outcomes, heard]).toEqual([['timeout', 'cached'], []])
})

test('more than 16 prompts at a time are not waited for', async () => {
  const { clock, answers, enhance } = world()
  const waiting = Array.from({ length: 16 }, (_, index) => enhance({ prompt: `p${index}` }))
  await clock.advance(0)
  expect(await enhance({ prompt: 'one more' })).toEqual({
    prompt: 'one more',
    enhanced: false,
    reason: 'busy',
  })
  for (const answer of answers) answer.resolve('better')
  expect(await Promise.all(waiting)).toHaveLength(16)
  const next = enhance({ prompt: 'one more' })
  await clock.advance(0)
  answers.at(-1)?.resolve('better')
  expect(await next).toMatchObject({ enhanced: true })
})

test('a caller that goes away is told so, and a defect of the gateway is no reason of the model', async () => {
  const { clock, answers, outcomes, enhance } = world()
  const abort = new AbortController()
  const waiting = enhance({ signal: abort.signal, withinMs: 1000 })
  await clock.advance(0)
  abort.abort()
  await expect(waiting).rejects.toMatchObject({ code: 'cancelled' })
  const broken = enhance({ prompt: 'other' })
  await clock.advance(0)
  answers.at(-1)?.reject(new TypeError('defect'))
  await expect(broken).rejects.toThrow('defect')
  expect(outcomes).toEqual([])
})
