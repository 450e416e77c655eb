import { expect, test } from '@jest/globals'
import type { CallerClient } from '../../../src/calls/call.ts'
import { inputRounds } from '../../../src/calls/stages/input-rounds.ts'
import { urlElicitations } from '../../../src/calls/stages/url-elicitations.ts'
import { StateSeal } from '../../../src/calls/client/state-seal.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { offer, server, tool } from '../../support/offers.ts'
import { answering, callsThrough, caller, catalogOf, OneStage, operation } from '../../support/routing.ts'

const ELICITATION = { mode: 'url', url: 'https://example.com/', message: 'Log in', elicitationId: 'e1' }
const ASKED = {
  resultType: 'input_required',
  inputRequests: { e1: { method: 'elicitation/create', params: ELICITATION } },
}

function client(fields: Partial<CallerClient> = {}): CallerClient {
  const capabilities = { elicitation: { form: {}, url: {} } }
  return { era: 'modern', capabilities, logLevel: undefined, tell: () => undefined, ...fields }
}

const needed = (data: unknown, code = -32042): GatewayError =>
  new GatewayError('upstream_error', undefined, { facts: { upstream: { code, message: 'needed', data } } })

/** What a call of that client comes to whose server fails with the error. */
async function outcomeOf(
  error: GatewayError,
  by: CallerClient | undefined,
  document: Record<string, unknown> = {},
): Promise<unknown> {
  const route = { server: server(document), name: 'echo' }
  const fail = (): never => {
    throw error
  }
  try {
    return await new OneStage(urlElicitations).run(
      route,
      { operation: operation({ ...(by && { client: by }) }) },
      fail,
    )
  } catch (thrown) {
    return thrown
  }
}

test('the URL elicitations that a legacy server answers with are questions for a modern client that can open them', async () => {
  const error = needed({ elicitations: [ELICITATION] })
  expect(await outcomeOf(error, client())).toEqual(ASKED)
  expect(await outcomeOf(error, client({ capabilities: { elicitation: { form: {} } } }))).toBe(error)
  expect(await outcomeOf(error, client(), { clientCapabilities: [] })).toBe(error)
})

test.each([
  ['to a legacy client', needed({ elicitations: [ELICITATION] }), client({ era: 'legacy' })],
  ['to a caller over REST', needed({ elicitations: [ELICITATION] }), undefined],
  ['of another code', needed({ elicitations: [ELICITATION] }, -32041), client()],
  ['without elicitations', needed({}), client()],
  ['with elicitations that are no list', needed({ elicitations: ELICITATION }), client()],
  ['of another kind', new GatewayError('upstream_timeout'), client()],
])('an error %s stays as it is', async (_which, error, by) => {
  expect(await outcomeOf(error, by)).toBe(error)
})

test('elicitations without an id are named by their position, and invalid ones are omitted', async () => {
  const { elicitationId: _id, ...anonymous } = ELICITATION
  expect(await outcomeOf(needed({ elicitations: ['odd', ELICITATION, anonymous] }), client())).toMatchObject({
    inputRequests: { e1: { params: ELICITATION }, '1': { params: anonymous } },
  })
})

test('more than 16 at once are a bad answer of the server', async () => {
  const many = (count: number): GatewayError =>
    needed({ elicitations: Array.from({ length: count }, () => ({ mode: 'url' })) })
  expect(await outcomeOf(many(16), client())).toMatchObject({ resultType: 'input_required' })
  expect(await outcomeOf(many(17), client())).toMatchObject({
    code: 'upstream_bad_response',
    facts: { server: 'alpha', mayHaveExecuted: true },
  })
})

test('they come to the client without any state, and its answer is the same call again without answers', async () => {
  const clock = new FakeClock()
  const catalog = catalogOf([server(), offer({ tools: [tool('echo')] })])
  const seal = new StateSeal({ keys: { current: Buffer.alloc(32, 1) }, clock })
  const sent: JsonObject[] = []
  const calls = callsThrough(catalog, [
    inputRounds({ seal, clock, catalog, limits: { refusalOf: () => undefined }, maxStateBytes: 10_000 }),
    urlElicitations,
    answering(({ params }) => {
      sent.push(params)
      return sent.length === 1 ? Promise.reject(needed({ elicitations: [ELICITATION] })) : { content: [] }
    }),
  ])
  const run = (params: JsonObject): Promise<JsonObject> =>
    calls.run(caller(), operation({ client: client(), params }))
  expect(await run({ name: 'alpha_echo' })).toEqual(ASKED)
  const again = { name: 'alpha_echo', inputResponses: { e1: { action: 'accept' } } }
  expect(await run(again)).toEqual({ content: [] })
  expect(sent).toEqual([{ name: 'alpha_echo' }, { name: 'alpha_echo' }])
})
