import { clientRow, type ErrorDefinition, row } from './error-row.ts'

/** The rows of the error table for requests with invalid HTTP, independent of what they request. */
export const HTTP_ERRORS = {
  loop_detected: clientRow(
    508,
    -32600,
    'The request loops back to the gateway',
    'The gateway sent this request itself: the `url` of a server is an address of the gateway (`via` names it, RFC 9110 §7.6.3).',
  ),
  payload_too_large: clientRow(
    413,
    -32600,
    'The request body is too large',
    'The body is larger than MAX_BODY_BYTES, or the registry file has no room for the document; `detail` says how large it may be. Nothing was written.',
  ),
  too_many_headers: clientRow(
    431,
    -32600,
    'The request has too many header fields',
    'A request may have at most 100 header fields.',
  ),
  unsupported_media_type: clientRow(
    415,
    -32600,
    'The content type is not supported',
    'Send `Content-Type: application/json` in UTF-8.',
  ),
  not_found: row(
    404,
    -32601,
    'client',
    false,
    'The path does not exist',
    'The path does not exist, or does not support this method.',
  ),
  method_not_allowed: clientRow(
    405,
    -32601,
    'The method is not allowed',
    'The path does not support this HTTP method; `Allow` lists the methods that it supports.',
  ),
  not_acceptable: clientRow(
    406,
    -32600,
    'The response has no media type that the client accepts',
    'Over Streamable HTTP, `Accept` must list both `application/json` and `text/event-stream`; for `GET`, only the latter.',
  ),
  upgrade_required: clientRow(
    426,
    -32600,
    'The path requires a WebSocket connection',
    'Open a WebSocket (RFC 6455, version 13) with the subprotocol `mcp`.',
  ),
} as const satisfies Record<string, ErrorDefinition>
