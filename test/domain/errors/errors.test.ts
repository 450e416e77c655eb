import { describe, expect, test } from '@jest/globals'
import { ERRORS } from '../../../src/domain/errors/error-table.ts'
import {
  GatewayError,
  messageOf,
  messageWithCauses,
  toGatewayError,
} from '../../../src/domain/errors/errors.ts'

/** Code, HTTP status, JSON-RPC code, owner, retryable: what callers rely on. Changing a row breaks them. */
const ROWS = [
  ['missing_token', 401, -31010, 'client', false],
  ['invalid_token', 401, -31010, 'client', false],
  ['invalid_ticket', 401, -31010, 'client', false],
  ['forbidden', 403, -31011, 'client', false],
  ['insufficient_scope', 403, -31011, 'client', false],
  ['agent_not_allowed', 403, -31011, 'client', false],
  ['tenant_disabled', 403, -31011, 'client', false],
  ['host_not_allowed', 403, -31011, 'client', false],
  ['invalid_request', 400, -32600, 'client', false],
  ['invalid_params', 400, -32602, 'client', false],
  ['invalid_arguments', 422, -32602, 'client', false],
  ['loop_detected', 508, -32600, 'client', false],
  ['payload_too_large', 413, -32600, 'client', false],
  ['too_many_headers', 431, -32600, 'client', false],
  ['unsupported_media_type', 415, -32600, 'client', false],
  ['not_found', 404, -32601, 'client', false],
  ['method_not_allowed', 405, -32601, 'client', false],
  ['not_acceptable', 406, -32600, 'client', false],
  ['upgrade_required', 426, -32600, 'client', false],
  ['method_not_found', 404, -32601, 'client', false],
  ['tool_not_found', 404, -32602, 'client', false],
  ['resource_not_found', 404, -32602, 'client', false],
  ['prompt_not_found', 404, -32602, 'client', false],
  ['server_not_found', 404, -32602, 'client', false],
  ['task_not_found', 404, -32602, 'client', false],
  ['run_not_found', 404, -32602, 'client', false],
  ['pipeline_step_failed', 502, -31002, 'upstream', false],
  ['pipeline_invalid', 409, -32602, 'config', false],
  ['session_not_found', 404, -31012, 'client', false],
  ['too_many_sessions', 429, -31004, 'client', true],
  ['too_many_requests', 429, -31004, 'client', true],
  ['stream_not_kept', 400, -31012, 'client', false],
  ['rate_limited', 429, -31004, 'client', true],
  ['upstream_unavailable', 503, -31000, 'upstream', true],
  ['upstream_busy', 503, -31004, 'upstream', true],
  ['upstream_refused', 502, -31002, 'upstream', false],
  ['circuit_open', 503, -31000, 'upstream', true],
  ['upstream_timeout', 504, -31001, 'upstream', true],
  ['upstream_bad_response', 502, -31002, 'upstream', false],
  ['upstream_error', 502, -31002, 'upstream', false],
  ['response_too_large', 502, -31003, 'upstream', false],
  ['client_capability_required', 422, -31014, 'client', false],
  ['credential_required', 403, -31015, 'client', false],
  ['delegation_refused', 403, -31015, 'client', false],
  ['approval_required', 403, -31016, 'client', false],
  ['approval_denied', 403, -31016, 'client', false],
  ['too_many_approvals', 429, -31004, 'client', true],
  ['approval_not_found', 404, -32602, 'client', false],
  ['approval_closed', 409, -32602, 'client', false],
  ['tool_held', 403, -31011, 'config', false],
  ['definition_changed', 409, -32602, 'client', false],
  ['client_not_reachable', 504, -31014, 'client', false],
  ['invalid_request_state', 422, -32602, 'client', false],
  ['cancelled', 499, -31013, 'client', false],
  ['shutting_down', 503, -31005, 'gateway', true],
  ['replica_unavailable', 503, -31005, 'gateway', true],
  ['overloaded', 503, -31005, 'gateway', true],
  ['not_ready', 503, -31005, 'gateway', true],
  ['keys_unavailable', 503, -31005, 'config', true],
  ['audit_unavailable', 503, -31006, 'gateway', true],
  ['store_unavailable', 503, -31007, 'gateway', true],
  ['state_unavailable', 503, -31007, 'gateway', true],
  ['invalid_cursor', 400, -32602, 'client', false],
  ['invalid_document', 422, -32602, 'client', false],
  ['already_exists', 409, -32602, 'client', false],
  ['precondition_required', 428, -32600, 'client', false],
  ['precondition_failed', 412, -32600, 'client', false],
  ['server_disabled', 409, -32602, 'config', false],
  ['install_failed', 502, -31008, 'config', true],
  ['mcp_registry_unavailable', 502, -31008, 'config', true],
  ['internal', 500, -32603, 'gateway', false],
]

test('the table of errors is what it was', () => {
  const rows = Object.entries(ERRORS).map(([code, { status, rpc, owner, retryable }]) => [
    code,
    status,
    rpc,
    owner,
    retryable,
  ])
  expect(rows).toEqual(ROWS)
})

test('every error says what it is and what to do', () => {
  for (const { title, help } of Object.values(ERRORS)) {
    expect(title).toMatch(/^[A-Z].*[^.]$/)
    expect(help).toMatch(/^[A-Z`].*\.$/)
  }
})

test('own JSON-RPC codes lie outside the ranges that JSON-RPC and MCP reserve', () => {
  const own = Object.values(ERRORS)
    .map(({ rpc }) => rpc)
    .filter((rpc) => ![-32600, -32601, -32602, -32603].includes(rpc))
  expect(own.filter((rpc) => rpc >= -32768 && rpc <= -32000)).toEqual([])
})

describe('a gateway error', () => {
  test('has the title of its code as message, and no facts, unless given', () => {
    const error = new GatewayError('tool_not_found')
    expect([error.message, error.facts, error.cause]).toEqual(['Unknown tool', {}, undefined])
    expect(new GatewayError('internal', 'other', { cause: 1, facts: { server: 'a' } })).toMatchObject({
      message: 'other',
      cause: 1,
      facts: { server: 'a' },
    })
  })

  test('is not changed, and anything else becomes an internal error that hides it', () => {
    const error = new GatewayError('cancelled')
    expect(toGatewayError(error)).toBe(error)
    const cause = new Error('a path')
    expect(toGatewayError(cause)).toMatchObject({
      code: 'internal',
      message: 'An internal error occurred in the gateway',
      cause,
    })
  })
})

test('anything thrown has a text', () => {
  expect([messageOf(new Error('a')), messageOf('b'), messageOf(undefined)]).toEqual(['a', 'b', 'undefined'])
})

test('the reason of an error says what each of its causes says, within bounds', () => {
  const reset = new TypeError('fetch failed', { cause: new Error('other side closed') })
  const error = new GatewayError('upstream_unavailable', 'Server shop is unavailable', { cause: reset })
  expect(messageWithCauses(error)).toBe('Server shop is unavailable: fetch failed: other side closed')
  expect(messageWithCauses('a text')).toBe('a text')
  expect(messageWithCauses(new Error('x'.repeat(1000)))).toHaveLength(512)
  const round = new Error('a')
  round.cause = round
  expect(messageWithCauses(round)).toBe('a: a: a: a: a: a: a: a')
})
