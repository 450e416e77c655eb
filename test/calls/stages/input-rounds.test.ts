import { expect, test } from '@jest/globals'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { CallerClient, Route } from '../../../src/calls/call.ts'
import type { RoutedCall } from '../../../src/calls/stage.ts'
import { inputRounds } from '../../../src/calls/stages/input-rounds.ts'
import { StateSeal } from '../../../src/calls/client/state-seal.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { server } from '../../support/offers.ts'
import { caller, catalogOf, OneStage, operation } from '../../support/routing.ts'

const clock = new FakeClock()
const seal = new StateSeal({ keys: { current: Buffer.alloc(32, 1) }, clock })
const catalog = catalogOf([server(), undefined])
const stage = inputRounds({
  seal,
  clock,
  catalog,
  limits: { refusalOf: () => undefined },
  maxStateBytes: 1000,
})
const question = { method: 'elicitation/create', params: { message: 'Sure?', 'x-odd': 1 } }
const DONE = { content: [] }

function modern(capabilities: JsonObject = { elicitation: { form: {}, url: {} } }): CallerClient {
  return { era: 'modern', capabilities, logLevel: undefined, tell: () => undefined }
}

function legacy(ask: NonNullable<CallerClient['ask']>): CallerClient {
  return { era: 'legacy', capabilities: { elicitation: {} }, logLevel: undefined, tell: () => undefined, ask }
}

/** A call to a route, before it is on its way. */
interface Given {
  readonly route: Route
  readonly fields: Partial<RoutedCall>
}

function callOf(
  client: CallerClient | undefined,
  params: JsonObject = { name: 'alpha_echo' },
  name = 'echo',
): Given {
  return {
    route: { server: server(), name },
    fields: { operation: operation({ params, ...(client && { client }) }) },
  }
}

/** Sends a call to a server that answers each round with the next of `results`; `sent` has what it gets. */
function begin(
  { route, fields }: Given,
  ...results: JsonObject[]
): { answer: Promise<JsonObject>; sent: JsonObject[]; calls: RoutedCall[] } {
  const sent: JsonObject[] = []
  const through = new OneStage(stage, catalog)
  const answer = through.run(route, fields, ({ params }) => {
    sent.push(params)
    return results[sent.length - 1] ?? DONE
  })
  return { answer, sent, calls: through.sent }
}

function needs(state?: string): JsonObject {
  const requestState = state === undefined ? {} : { requestState: state }
  return { resultType: 'input_required', inputRequests: { q: question }, ...requestState }
}

test('a modern client gets the questions as they are and the state sealed, and its state goes back as it was', async () => {
  const first = callOf(modern())
  const asked = await begin(first, needs('round-1')).answer
  expect(asked['inputRequests']).toEqual({ q: question })
  expect(JSON.stringify(asked)).not.toContain('round-1')
  const answered = { name: 'alpha_echo', inputResponses: { q: { action: 'accept' } } }
  const again = callOf(modern(), { ...answered, requestState: asked['requestState'] })
  const { answer, sent } = begin(again, DONE)
  expect(await answer).toBe(DONE)
  expect(sent).toEqual([{ ...answered, requestState: 'round-1' }])
})

test.each([
  ['another caller', { fields: { caller: caller({ subject: 'bob' }) } }],
  ['another tool', { route: { server: server(), name: 'other' } }],
  ['another server', { route: { server: server({ name: 'beta' }), name: 'echo' } }],
])('the state of a call is refused from %s before anything is sent', async (_who, change: Partial<Given>) => {
  const { requestState } = await begin(callOf(modern()), needs('s')).answer
  const { route, fields } = callOf(modern(), { name: 'alpha_echo', requestState })
  const stolen = { route: change.route ?? route, fields: { ...fields, ...change.fields } }
  const { answer, sent } = begin(stolen, DONE)
  await expect(answer).rejects.toMatchObject({ code: 'invalid_request_state' })
  expect(sent).toEqual([])
})

test("a server's own state is refused from a client that got hold of it", async () => {
  const it = callOf(modern(), { name: 'alpha_echo', requestState: 'raw' })
  await expect(begin(it).answer).rejects.toMatchObject({ code: 'invalid_request_state' })
})

test('a legacy client is asked question by question, and the call continues with its answers and the state', async () => {
  const asked: unknown[] = []
  const client = legacy((method, params) => {
    asked.push({ method, params })
    return Promise.resolve({ action: 'accept', content: { n: asked.length } })
  })
  const { answer, sent } = begin(callOf(client), needs('one'), needs())
  expect(await answer).toBe(DONE)
  expect(asked).toEqual([question, question])
  expect(sent).toEqual([
    { name: 'alpha_echo' },
    {
      name: 'alpha_echo',
      inputResponses: { q: { action: 'accept', content: { n: 1 } } },
      requestState: 'one',
    },
    { name: 'alpha_echo', inputResponses: { q: { action: 'accept', content: { n: 2 } } } },
  ])
})

test('the time in which a legacy client is asked is not counted as that of the call', async () => {
  const client = legacy(async () => {
    await clock.advance(120_000)
    return { action: 'accept' }
  })
  const { answer, calls } = begin(callOf(client), needs(), needs())
  await answer
  expect(calls.map(({ askedMs }) => askedMs)).toEqual([0, 120_000, 240_000])
})

test('an elicitation of mode url has an id for a legacy client', async () => {
  let got: JsonObject | undefined
  const client = legacy((_method, params) => {
    got = params
    return Promise.resolve({ action: 'accept' })
  })
  const params = { mode: 'url', url: 'https://example.com/', message: 'Go' }
  const result = {
    resultType: 'input_required',
    inputRequests: { q: { method: 'elicitation/create', params } },
  }
  await begin(callOf(client), result).answer
  expect(got).toEqual({ ...params, elicitationId: expect.stringMatching(/^[0-9a-f-]{36}$/) })
})

test('a server that asks without end is given up', async () => {
  const it = callOf(legacy(() => Promise.resolve({ action: 'accept' })))
  const { answer, sent } = begin(it, ...Array.from({ length: 20 }, () => needs()))
  await expect(answer).rejects.toMatchObject({
    code: 'upstream_bad_response',
    facts: { server: 'alpha', mayHaveExecuted: true },
  })
  expect(sent).toHaveLength(11)
})

test.each([
  ['no object', ['q']],
  ['a question without a method', { q: { params: {} } }],
])('questions that are %s are a bad answer of the server', async (_what, inputRequests) => {
  const it = callOf(legacy(() => Promise.resolve({})))
  const { answer } = begin(it, { resultType: 'input_required', inputRequests })
  await expect(answer).rejects.toMatchObject({ code: 'upstream_bad_response' })
})

test('more than 16 questions at once are a bad answer of the server, and none of them is asked', async () => {
  let asked = 0
  const client = legacy(() => {
    asked += 1
    return Promise.resolve({ action: 'accept' })
  })
  const many = (count: number): JsonObject => ({
    resultType: 'input_required',
    inputRequests: Object.fromEntries(Array.from({ length: count }, (_, index) => [`q${index}`, question])),
  })
  await begin(callOf(client), many(16)).answer
  expect(asked).toBe(16)
  await expect(begin(callOf(client), many(17)).answer).rejects.toMatchObject({
    code: 'upstream_bad_response',
    facts: { server: 'alpha', mayHaveExecuted: true },
  })
  expect(asked).toBe(16)
})

test('a modern client is not asked more than 16 questions at once, nor given a state that it could not send back', async () => {
  const refused = { code: 'upstream_bad_response', facts: { server: 'alpha', mayHaveExecuted: true } }
  const asks = (keys: readonly string[], requestState = ''): JsonObject => ({
    resultType: 'input_required',
    inputRequests: Object.fromEntries(keys.map((key) => [key, question])),
    requestState,
  })
  const keys = Array.from({ length: 17 }, (_, index) => `q${index}`)
  const answerTo = (result: JsonObject): Promise<JsonObject> => begin(callOf(modern()), result).answer
  await expect(answerTo(asks(keys.slice(1)))).resolves.toMatchObject({ resultType: 'input_required' })
  await expect(answerTo(asks(keys))).rejects.toMatchObject(refused)
  // A state is a third longer when it is sealed.
  await expect(answerTo(asks(['q'], 's'.repeat(500)))).resolves.toMatchObject({
    resultType: 'input_required',
  })
  await expect(answerTo(asks(['q'], 's'.repeat(800)))).rejects.toMatchObject(refused)
  await expect(answerTo(asks(['k'.repeat(800)]))).rejects.toMatchObject(refused)
})

test("a client's refusal to answer is not taken for the server's error", async () => {
  const refusal = new GatewayError('client_not_reachable', undefined, {
    facts: { upstream: { code: -1, message: 'no' } },
  })
  const it = callOf(legacy(() => Promise.reject(refusal)))
  const failure = await begin(it, needs()).answer.catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'client_not_reachable', facts: { server: 'alpha' } })
  expect(failure).not.toMatchObject({ facts: { upstream: {} } })
})

test.each([
  ['a legacy client', legacy(() => Promise.resolve({}))],
  ['a caller over REST', undefined],
])('%s cannot slip a state or answers to a server', async (_who, client) => {
  const it = callOf(client, { name: 'alpha_echo', requestState: 'stolen', inputResponses: { q: {} } })
  const { answer, sent } = begin(it, DONE)
  await answer
  expect(sent).toEqual([{ name: 'alpha_echo' }])
})
