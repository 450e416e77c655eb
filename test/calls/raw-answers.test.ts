import { expect, test } from '@jest/globals'
import { type Answer, type RoutedCall, type StageFor, UnparsedAnswer } from '../../src/calls/stage.ts'
import { ownStage } from '../../src/calls/operator/own-stage.ts'
import { runFrom } from '../../src/calls/plan.ts'
import { shownUris } from '../../src/calls/stages/shown-uris.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { type RawObject, rawAnswerIn } from '../../src/domain/json/raw-object.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { offer, server } from '../support/offers.ts'
import { catalogOf, operation, routedCall } from '../support/routing.ts'

const BETA = server({ name: 'beta' })
const CATALOG = catalogOf(
  [server(), offer({ resources: [{ name: 'n', uri: 'note://1' }] })],
  [BETA, offer({ resources: [{ name: 'n', uri: 'note://1' }] })],
)

function rawOf(result: JsonObject): RawObject {
  const raw = rawAnswerIn([Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: 1, result }))])?.result
  if (raw === undefined) throw new Error('not an answer')
  return raw
}

/** What a client of the direct path gets when beta answers with bytes. */
async function answered(stage: StageFor, result: JsonObject): Promise<unknown> {
  const last: StageFor = () => (call: RoutedCall) =>
    Promise.resolve<Answer>(new UnparsedAnswer(rawOf(result), call.route))
  const call = routedCall(
    { server: BETA, name: 'x' },
    { operation: operation() },
    { stages: [stage, last], catalog: CATALOG },
  )
  const answer = await runFrom(call, 0)
  const bytes = answer.raw?.chunks() ?? [Buffer.from(JSON.stringify(answer.result))]
  return JSON.parse(Buffer.concat(bytes).toString())
}

test("what an operator's own stage makes of a result is what the caller gets, also of one that came as bytes", async () => {
  const hide = ownStage(async (_call, next) => ({ ...(await next()), content: [] }), {
    module: 'stages/hide.ts',
    clock: new FakeClock(),
  })
  expect(await answered(() => hide, { content: [{ type: 'text', text: 'secret' }], x: 1 })).toEqual({
    content: [],
    x: 1,
  })
})

test('an own stage may change a result that came as bytes in place', async () => {
  const hide = ownStage(
    async (_call, next) => {
      const result = await next()
      result['content'] = []
      return result
    },
    { module: 'stages/hide.ts', clock: new FakeClock() },
  )
  expect(await answered(() => hide, { content: [{ type: 'text', text: 'secret' }] })).toEqual({ content: [] })
})

test('links in a result that came as bytes lead to the server that answered', async () => {
  const link = { type: 'resource_link', uri: 'note://1', name: 'n' }
  expect(await answered(shownUris(CATALOG), { content: [link] })).toEqual({
    content: [{ ...link, uri: 'beta+note://1' }],
  })
})
