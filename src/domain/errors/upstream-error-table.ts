import { type ErrorDefinition, row } from './error-row.ts'

/** The rows of the error table that are about servers. */
export const UPSTREAM_ERRORS = {
  upstream_unavailable: row(
    503,
    -31000,
    'upstream',
    true,
    'The server is not available',
    'The MCP server behind this tool is down, starting, or lost its connection. `server` names it; `mayHaveExecuted` says whether the call may have run.',
  ),
  upstream_busy: row(
    503,
    -31004,
    'upstream',
    true,
    'The server has too many calls',
    'Every instance of the MCP server is busy, and as many calls wait as may, or this one has waited as long as it may. Nothing was executed. Try again after `Retry-After`.',
  ),
  circuit_open: row(
    503,
    -31000,
    'upstream',
    true,
    'The server is left alone for a while',
    'Calls to the MCP server failed one after the other, so none is sent until it had time to recover. Nothing was executed. Try again after `Retry-After`.',
  ),
  upstream_timeout: row(
    504,
    -31001,
    'upstream',
    true,
    'The server did not answer in time',
    'The call was cancelled at its deadline. It may have run.',
  ),
  upstream_bad_response: row(
    502,
    -31002,
    'upstream',
    false,
    'The server gave an invalid answer',
    'The MCP server behind this tool broke the protocol.',
  ),
  upstream_error: row(
    502,
    -31002,
    'upstream',
    false,
    'The server answered with an error',
    'The MCP server behind this tool answered with a JSON-RPC error; `upstream` has its code and message.',
  ),
  response_too_large: row(
    502,
    -31003,
    'upstream',
    false,
    'The answer of the server is too large',
    'The answer is larger than MAX_UPSTREAM_MESSAGE_BYTES, or than the `maxResultBytes` of the tool, and was discarded. The call has run.',
  ),
} as const satisfies Record<string, ErrorDefinition>
