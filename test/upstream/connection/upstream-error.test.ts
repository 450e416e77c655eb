import { SdkError, SdkErrorCode } from '@modelcontextprotocol/client'
import { describe, expect, test } from '@jest/globals'
import { openingFailure, upstreamError } from '../../../src/upstream/connection/upstream-error.ts'

const request = { server: 's', isCancelled: false, isSessionLost: false }

test.each([
  [new SdkError(SdkErrorCode.NotConnected, 'x'), 'upstream_unavailable', false],
  [new SdkError(SdkErrorCode.ConnectionClosed, 'x'), 'upstream_unavailable', true],
  [new SdkError(SdkErrorCode.InvalidResult, 'x'), 'upstream_bad_response', true],
  [new Error('Not connected'), 'upstream_unavailable', false],
  [new Error('Error POSTing to endpoint (HTTP 503): secret'), 'upstream_unavailable', true],
  [new TypeError('fetch failed', { cause: { code: 'ECONNREFUSED' } }), 'upstream_unavailable', false],
  [new TypeError('terminated', { cause: { code: 'UND_ERR_SOCKET' } }), 'upstream_unavailable', true],
  ['nonsense', 'upstream_bad_response', true],
])('%s becomes %s (may have executed: %s)', (error, code, mayHaveExecuted) => {
  const mapped = upstreamError(error, request)
  expect(mapped).toMatchObject({ code, facts: { server: 's', mayHaveExecuted } })
  expect(mapped.message).not.toContain('secret')
  expect(upstreamError(mapped, request)).toBe(mapped)
})

test.each([
  [new SdkError(SdkErrorCode.RequestTimeout, 'x'), 'it did not respond in time'],
  [new SdkError(SdkErrorCode.ConnectionClosed, 'x'), 'the connection closed while it was opening'],
  [new SdkError(SdkErrorCode.InvalidResult, 'x'), 'its answer: the answer is not valid'],
  [new SdkError(SdkErrorCode.EraNegotiationFailed, 'x'), 'no common protocol version was found'],
  [new Error('Error POSTing to endpoint (HTTP 500): secret'), 'it answered with HTTP 500'],
  [
    Object.assign(new Error('go\naway'), { code: -32_000 }),
    'it refused to initialize with error -32000: go away',
  ],
  [new TypeError('terminated'), 'the connection broke'],
  [
    new Error("Server's protocol version is not supported: 1999"),
    'initialize: protocolVersion: expected one of 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05, 2024-10-07',
  ],
  [new Error('secret'), 'it violated the protocol while the connection was opening'],
])('the reason for operators of %s', (error, reason) => {
  expect(openingFailure(error)).toBe(reason)
})

describe("of a server's JSON-RPC error", () => {
  const shown = (message: string, data?: unknown): unknown =>
    upstreamError(Object.assign(new Error(message), { code: -32_050, data }), request).facts.upstream

  test('code, message and data reach callers as they are', () => {
    const data = { hint: 'x'.repeat(60_000) }
    expect(shown('m'.repeat(8192), data)).toEqual({ code: -32_050, message: 'm'.repeat(8192), data })
  })

  test('the message is cut off after 8192 characters, never within one', () => {
    expect(shown('m'.repeat(8193))).toEqual({ code: -32_050, message: `${'m'.repeat(8191)}…` })
    expect(shown(`${'m'.repeat(8190)}${'😀'.repeat(9)}`)).toEqual({
      code: -32_050,
      message: `${'m'.repeat(8190)}…`,
    })
  })

  test('data of more than 64 KiB is left out', () => {
    expect(shown('too much', ['x'.repeat(65_536)])).toEqual({ code: -32_050, message: 'too much' })
  })
})
