import { expect, test } from '@jest/globals'
import { redact } from '../../../src/calls/stages/redact.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { serverDocumentSchema } from '../../../src/domain/documents/server-definition.ts'
import { offer, server, tool } from '../../support/offers.ts'
import { catalogOf, OneStage, operation } from '../../support/routing.ts'

/** What a call of `echo` gets of a result, and what was counted. */
async function pass(
  redacting: string[] | undefined,
  result: JsonObject,
): Promise<{ outcome: unknown; counted: unknown[] }> {
  const alpha = server({ tools: { echo: redacting === undefined ? {} : { redact: redacting } } })
  const counted: unknown[] = []
  const stage = redact({ metrics: { redacted: (...given) => counted.push(given) } })
  const through = new OneStage(stage, catalogOf([alpha, offer({ tools: [tool('echo')] })]))
  const call = through.callOf({ server: alpha, name: 'echo' }, { operation: operation() }, () => result)
  return { outcome: await through.pass(call), counted }
}

const SSN = [String.raw`\b\d{3}-\d{2}-\d{4}\b`]

test('what the patterns of the operator cover is in no text of a result, and is counted', async () => {
  const result = {
    content: [{ type: 'text', text: 'ann 123-45-6789, bob 987-65-4321' }],
    structuredContent: { '123-45-6789': ['123-45-6789', 123] },
  }
  expect(await pass(SSN, result)).toEqual({
    outcome: {
      content: [{ type: 'text', text: 'ann ***, bob ***' }],
      structuredContent: { '***': ['***', 123] },
    },
    counted: [['alpha', 'pattern', 4]],
  })
})

test('a result that they do not cover is passed on as it came', async () => {
  const result = { content: [{ type: 'text', text: '12-34' }] }
  const { outcome, counted } = await pass(SSN, result)
  expect([outcome, counted]).toEqual([result, []])
  expect((await pass(undefined, result)).outcome).toEqual(result)
})

test('a document with a slow or invalid pattern is refused with the reason', () => {
  const parse = (...patterns: string[]): unknown =>
    serverDocumentSchema.safeParse({
      name: 'alpha',
      tenantId: 'acme',
      transport: 'stdio',
      command: 'x',
      tools: { '*': { redact: patterns } },
    }).error?.issues[0]
  expect(parse('(a')).toMatchObject({ path: ['tools', '*', 'redact'], message: 'a group is not closed' })
  expect(parse('(a|b)*a(a|b){12}')).toMatchObject({ message: expect.stringContaining('too complex') })
  expect(parse(...SSN)).toBeUndefined()
})

test('the patterns of all tools of a document are limited together, and equal ones count once', () => {
  const issues = (patternOf: (at: number) => string): unknown =>
    serverDocumentSchema.safeParse({
      name: 'alpha',
      tenantId: 'acme',
      transport: 'stdio',
      command: 'x',
      tools: Object.fromEntries(
        Array.from({ length: 20 }, (_, at) => [`t${at}`, { redact: [patternOf(at)] }]),
      ),
    }).error?.issues
  expect(issues(() => '(a|b|c|d|e|f){40}x{3}')).toBeUndefined()
  expect(issues((at) => `(a|b|c|d|e|f){40}x{${at + 1}}`)).toEqual([
    {
      code: 'custom',
      path: ['tools', 't1', 'redact'],
      message:
        'the patterns are too complex together: take fewer, with fewer repetitions and choices in each',
    },
  ])
})
