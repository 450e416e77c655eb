import { expect, test } from '@jest/globals'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { callerErrors } from '../../../src/calls/stages/caller-errors.ts'
import { server } from '../../support/offers.ts'
import { OneStage, operation } from '../../support/routing.ts'

/** What becomes of a server's error to an operation of that kind. */
async function codeFor(kind: 'tool' | 'prompt' | 'resource', code: number): Promise<unknown> {
  const failure = new GatewayError('upstream_error', undefined, {
    facts: { server: 'sample', upstream: { code, message: 'no' } },
  })
  const error: unknown = await new OneStage(() => callerErrors)
    .run({ server: server(), name: 'x' }, { operation: operation({ kind }) }, () => Promise.reject(failure))
    .catch((thrown: unknown) => thrown)
  return (error as GatewayError).code
}

test.each([
  ['resource', -32_002, 'resource_not_found'],
  ['tool', -32_002, 'upstream_error'],
  ['prompt', -32_002, 'upstream_error'],
  ['tool', -32_602, 'invalid_arguments'],
  ['resource', -32_602, 'invalid_arguments'],
  ['tool', -32_021, 'client_capability_required'],
  ['tool', -32_050, 'upstream_error'],
] as const)('to a %s the error %i of a server is %s', async (kind, code, expected) => {
  expect(await codeFor(kind, code)).toBe(expected)
})
