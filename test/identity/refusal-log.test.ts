import { beforeEach, expect, test } from '@jest/globals'
import pino from 'pino'
import { RefusalLog } from '../../src/identity/refusal-log.ts'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'

let clock: FakeClock
let lines: Record<string, unknown>[]
let refusals: RefusalLog
const expired = new GatewayError('invalid_token', 'The token has expired.')
const request = { requestId: 'r1', address: '192.0.2.1' }

beforeEach(() => {
  clock = new FakeClock()
  lines = []
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>)
  refusals = new RefusalLog({ logger: pino({}, { write }), clock })
})

test('ten lines a minute tell of one reason, and the next one how many were left out', async () => {
  for (let count = 0; count < 1000; count += 1) refusals.refused(expired, undefined, request)
  expect(lines).toHaveLength(10)
  await clock.advance(60_000)
  refusals.refused(expired, undefined, request)
  expect(lines[10]).toMatchObject({ reason: 'The token has expired.', suppressed: 990 })
})

test('another reason has lines of its own', () => {
  for (let count = 0; count < 11; count += 1) refusals.refused(expired, undefined, request)
  refusals.refused(new GatewayError('agent_not_allowed', 'no'), undefined, request)
  expect(lines.at(-1)).toMatchObject({ code: 'agent_not_allowed', reason: 'no' })
})

test('what a token says of itself is cut, and one that says nothing is no problem', () => {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  refusals.refused(expired, `${part({ alg: 'ES256', kid: 'k'.repeat(5000) })}.${part({ iss: 7 })}.x`, request)
  refusals.refused(expired, 'abc', request)
  expect(lines.map(({ issuer, kid }) => [issuer, kid])).toEqual([
    [undefined, 'k'.repeat(256)],
    [undefined, undefined],
  ])
})
