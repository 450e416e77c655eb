import { type ErrorDefinition, row } from './error-row.ts'

/** The rows of the error table that are about servers. */
export const UPSTREAM_ERRORS = {
  upstream_unavailable: row(
    503,
    -31000,
    'upstream',
    true,
    'The server is unavailable',
    'The MCP server behind this tool is down or starting, its connection was lost, or it asked for fewer calls (HTTP 429; try again after `Retry-After`). `server` names it; `mayHaveExecuted` says whether the call may have run.',
  ),
  upstream_busy: row(
    503,
    -31004,
    'upstream',
    true,
    'The server is busy',
    'Every instance of the MCP server is busy, and the queue is full or the call has waited in it for the maximum time; or too many `tasks/result` wait for tasks of the server. Nothing was executed. Try again after `Retry-After`.',
  ),
  upstream_refused: row(
    502,
    -31002,
    'upstream',
    false,
    'The server refused the call',
    'The MCP server does not accept the credential with which the gateway called it (HTTP 401), or does not allow it this call (HTTP 403). Nothing was executed, and a repetition would be refused as well: an operator has to look at `auth` and `headers` of its document, and at the rights of that account.',
  ),
  circuit_open: row(
    503,
    -31000,
    'upstream',
    true,
    'The circuit breaker of the server is open',
    'Too many of the last calls to the MCP server failed, so no calls are sent until its recovery timeout has elapsed. Nothing was executed. Try again after `Retry-After`.',
  ),
  upstream_timeout: row(
    504,
    -31001,
    'upstream',
    true,
    'The server did not respond in time',
    'The call was cancelled at its deadline. It may have run.',
  ),
  upstream_bad_response: row(
    502,
    -31002,
    'upstream',
    false,
    'The server returned an invalid response',
    'The MCP server behind this tool violated the protocol.',
  ),
  upstream_error: row(
    502,
    -31002,
    'upstream',
    false,
    'The server returned an error',
    'The MCP server behind this tool returned a JSON-RPC error; `upstream` has its code and message, and its data up to 64 KiB.',
  ),
  response_too_large: row(
    502,
    -31003,
    'upstream',
    false,
    'The response of the server is too large',
    'The response is larger than MAX_UPSTREAM_MESSAGE_BYTES, or than the `maxResultBytes` of the tool, or it has more than 100,000 members and one for every 8 bytes (each object and each list counts as two), and was discarded. The call has run.',
  ),
} as const satisfies Record<string, ErrorDefinition>
