import { expect, test } from '@jest/globals'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { toProtocolError } from '../../src/mcp/protocol-error.ts'

function shown(thrown: unknown): unknown[] {
  const { code, message, data } = toProtocolError(thrown, 'legacy')
  return [code, message, data]
}

test('an error of ours has the code of its row, and its code, retryability and facts as data', () => {
  const error = new GatewayError('upstream_timeout', 'Server a did not respond in time', {
    facts: { server: 'a', mayHaveExecuted: true },
  })
  expect(shown(error)).toEqual([
    -31001,
    'Server a did not respond in time',
    { code: 'upstream_timeout', retryable: true, server: 'a', mayHaveExecuted: true },
  ])
})

test("a server's own error is passed on unchanged, regardless of its code", () => {
  const upstream = { code: -32042, message: 'no', data: { x: [1] } }
  const error = new GatewayError('upstream_error', undefined, { facts: { server: 'a', upstream } })
  expect(shown(error)).toEqual([-32042, 'no', { x: [1] }])
  const bare = { facts: { upstream: { code: 7, message: '' } } }
  expect(shown(new GatewayError('upstream_error', undefined, bare))).toEqual([7, '', undefined])
})

test('a defect says nothing about itself', () => {
  const data = { code: 'internal', retryable: false }
  for (const thrown of [new TypeError('secret'), 'secret', undefined, { code: -1, message: 'secret' }]) {
    expect(shown(thrown)).toEqual([-32603, 'An internal error occurred in the gateway', data])
  }
})
