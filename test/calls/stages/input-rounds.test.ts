import { expect, test } from '@jest/globals'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { Call, CallerClient } from '../../../src/calls/call.ts'
import { inputRounds } from '../../../src/calls/stages/input-rounds.ts'
import { StateSeal } from '../../../src/calls/state-seal.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { server } from '../../support/offers.ts'
import { call, caller, catalogOf, operation } from '../../support/routing.ts'

const clock = new FakeClock()
const seal = new StateSeal({ key: Buffer.alloc(32, 1), clock })
const catalog = catalogOf([server(), undefined])
const stage = inputRounds({ seal, clock, catalog, limits: { refusalOf: () => undefined } })
const question = { method: 'elicitation/create', params: { message: 'Sure?', 'x-odd': 1 } }
const DONE = { content: [] }

function modern(capabilities: JsonObject = { elicitation: { form: {}, url: {} } }): CallerClient {
  return { era: 'modern', capabilities, logLevel: undefined, tell: () => undefined }
}

function legacy(ask: NonNullable<CallerClient['ask']>): CallerClient {
  return { era: 'legacy', capabilities: { elicitation: {} }, logLevel: undefined, tell: () => undefined, ask }
}

function callOf(
  client: CallerClient | undefined,
  params: JsonObject = { name: 'alpha_echo' },
  name = 'echo',
): Call {
  return call({
    route: { server: server(), name },
    operation: operation({ params, ...(client && { client }) }),
  })
}

/** A server that answers each round with the next of `results`, and what it was sent. */
function serverOf(
  it: Call,
  ...results: (JsonObject | Error)[]
): {
  next: () => Promise<JsonObject>
  sent: JsonObject[]
} {
  const sent: JsonObject[] = []
  const next = (): Promise<JsonObject> => {
    sent.push(it.params)
    const result = results[sent.length - 1] ?? DONE
    return result instanceof Error ? Promise.reject(result) : Promise.resolve(result)
  }
  return { next, sent }
}

function needs(state?: string): JsonObject {
  const requestState = state === undefined ? {} : { requestState: state }
  return { resultType: 'input_required', inputRequests: { q: question }, ...requestState }
}

test('a modern client gets the questions as they are and the state sealed, and its state goes back as it was', async () => {
  const first = callOf(modern())
  const asked = await stage(first, serverOf(first, needs('round-1')).next)
  expect(asked['inputRequests']).toEqual({ q: question })
  expect(JSON.stringify(asked)).not.toContain('round-1')
  const answered = { name: 'alpha_echo', inputResponses: { q: { action: 'accept' } } }
  const again = callOf(modern(), { ...answered, requestState: asked['requestState'] })
  const { next, sent } = serverOf(again, DONE)
  expect(await stage(again, next)).toBe(DONE)
  expect(sent).toEqual([{ ...answered, requestState: 'round-1' }])
})

test.each([
  ['another caller', (it: Call) => ({ ...it, caller: caller({ subject: 'bob' }) })],
  ['another tool', (it: Call) => ({ ...it, route: { server: server(), name: 'other' } })],
  ['another server', (it: Call) => ({ ...it, route: { server: server({ name: 'beta' }), name: 'echo' } })],
])('the state of a call is refused from %s before anything is sent', async (_who, change) => {
  const first = callOf(modern())
  const { requestState } = await stage(first, serverOf(first, needs('s')).next)
  const stolen = change(callOf(modern(), { name: 'alpha_echo', requestState }))
  const { next, sent } = serverOf(stolen, DONE)
  await expect(stage(stolen, next)).rejects.toMatchObject({ code: 'invalid_request_state' })
  expect(sent).toEqual([])
})

test("a server's own state is refused from a client that got hold of it", async () => {
  const it = callOf(modern(), { name: 'alpha_echo', requestState: 'raw' })
  await expect(stage(it, serverOf(it).next)).rejects.toMatchObject({ code: 'invalid_request_state' })
})

test('a legacy client is asked question by question, and the call goes on with its answers and the state', async () => {
  const asked: unknown[] = []
  const client = legacy((method, params) => {
    asked.push({ method, params })
    return Promise.resolve({ action: 'accept', content: { n: asked.length } })
  })
  const it = callOf(client)
  const { next, sent } = serverOf(it, needs('one'), needs())
  expect(await stage(it, next)).toBe(DONE)
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
  const it = callOf(client)
  await stage(it, serverOf(it, needs()).next)
  expect(it.askedMs).toBe(120_000)
})

test('an elicitation of mode url has an id for a legacy client', async () => {
  let got: JsonObject | undefined
  const client = legacy((_method, params) => {
    got = params
    return Promise.resolve({ action: 'accept' })
  })
  const params = { mode: 'url', url: 'https://example.com/', message: 'Go' }
  const it = callOf(client)
  const result = {
    resultType: 'input_required',
    inputRequests: { q: { method: 'elicitation/create', params } },
  }
  await stage(it, serverOf(it, result).next)
  expect(got).toEqual({ ...params, elicitationId: expect.stringMatching(/^[0-9a-f-]{36}$/) })
})

test('a server that asks without end is given up', async () => {
  const it = callOf(legacy(() => Promise.resolve({ action: 'accept' })))
  await expect(stage(it, () => Promise.resolve(needs()))).rejects.toMatchObject({
    code: 'upstream_bad_response',
    facts: { server: 'alpha', mayHaveExecuted: true },
  })
})

test.each([
  ['no object', ['q']],
  ['a question without a method', { q: { params: {} } }],
])('questions that are %s are a bad answer of the server', async (_what, inputRequests) => {
  const it = callOf(legacy(() => Promise.resolve({})))
  const { next } = serverOf(it, { resultType: 'input_required', inputRequests })
  await expect(stage(it, next)).rejects.toMatchObject({ code: 'upstream_bad_response' })
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
  const fits = callOf(client)
  await stage(fits, serverOf(fits, many(16)).next)
  expect(asked).toBe(16)
  const tooMany = callOf(client)
  await expect(stage(tooMany, serverOf(tooMany, many(17)).next)).rejects.toMatchObject({
    code: 'upstream_bad_response',
    facts: { server: 'alpha', mayHaveExecuted: true },
  })
  expect(asked).toBe(16)
})

test("a client's refusal to answer is not taken for the server's error", async () => {
  const refusal = new GatewayError('client_not_reachable', undefined, {
    facts: { upstream: { code: -1, message: 'no' } },
  })
  const it = callOf(legacy(() => Promise.reject(refusal)))
  const failure = await stage(it, serverOf(it, needs()).next).catch((error: unknown) => error)
  expect(failure).toMatchObject({ code: 'client_not_reachable', facts: { server: 'alpha' } })
  expect(failure).not.toMatchObject({ facts: { upstream: {} } })
})

test.each([
  ['a legacy client', legacy(() => Promise.resolve({}))],
  ['a caller over REST', undefined],
])('%s cannot slip a state or answers to a server', async (_who, client) => {
  const it = callOf(client, { name: 'alpha_echo', requestState: 'stolen', inputResponses: { q: {} } })
  const { next, sent } = serverOf(it, DONE)
  await stage(it, next)
  expect(sent).toEqual([{ name: 'alpha_echo' }])
})

test('the URL elicitations that a legacy server answers with are questions for a modern client that can open them', async () => {
  const elicitation = { mode: 'url', url: 'https://example.com/', message: 'Log in', elicitationId: 'e1' }
  const error = new GatewayError('upstream_error', undefined, {
    facts: { upstream: { code: -32042, message: 'needed', data: { elicitations: [elicitation] } } },
  })
  const able = callOf(modern())
  expect(await stage(able, serverOf(able, error).next)).toEqual({
    resultType: 'input_required',
    inputRequests: { e1: { method: 'elicitation/create', params: elicitation } },
  })
  const unable = callOf(modern({ elicitation: { form: {} } }))
  await expect(stage(unable, serverOf(unable, error).next)).rejects.toMatchObject({ code: 'upstream_error' })
  const ungranted = callOf(modern())
  ungranted.route = { server: server({ clientCapabilities: [] }), name: 'echo' }
  await expect(stage(ungranted, serverOf(ungranted, error).next)).rejects.toBe(error)
})
