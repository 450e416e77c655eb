/** Who has to act on an error: the label of the error counter, so that alerts reach the right people. */
export type ErrorOwner = 'client' | 'config' | 'upstream' | 'gateway'

/** One row of the error table. */
export interface ErrorDefinition {
  /** HTTP status of REST answers and of transport-level MCP answers. */
  readonly status: number
  /** JSON-RPC code. The gateway's own codes lie outside the ranges that JSON-RPC and MCP reserve. */
  readonly rpc: number
  readonly owner: ErrorOwner
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean
  /** Short text of the condition (`title` of problem+json). */
  readonly title: string
  /** What it means and what to do, for docs/errors.md. */
  readonly help: string
}

/** The one table of errors: code to HTTP status, JSON-RPC code and owner. */
export const ERRORS = {
  missing_token: clientRow(
    401,
    -31010,
    'No bearer token',
    'Send `Authorization: Bearer <token>`. Tokens in the query string or in cookies are ignored.',
  ),
  invalid_token: clientRow(
    401,
    -31010,
    'The token is not valid',
    'The signature, issuer, audience, lifetime or a required claim of the token is wrong, or it has expired. Get a new token for this gateway.',
  ),
  forbidden: clientRow(
    403,
    -31011,
    'Not allowed',
    'The token is valid, but its roles do not allow this operation.',
  ),
  agent_not_allowed: clientRow(
    403,
    -31011,
    'The agent name is not allowed',
    'The `x-agent-name` header names an agent that the token does not list in its `agents` claim.',
  ),
  host_not_allowed: clientRow(
    403,
    -31011,
    'The Host or Origin is not allowed',
    'The `Host` or `Origin` header is not one that this gateway serves (protection against DNS rebinding). See ALLOWED_HOSTS and ALLOWED_ORIGINS.',
  ),
  invalid_request: clientRow(
    400,
    -32600,
    'The request is not well formed',
    'The body is not valid JSON or has the wrong shape; `detail` says where.',
  ),
  invalid_arguments: clientRow(
    422,
    -32602,
    'The arguments do not fit',
    'The arguments do not match the input schema of the tool or prompt; `problems` lists every mismatch.',
  ),
  payload_too_large: clientRow(
    413,
    -32600,
    'The request body is too large',
    'The body is larger than MAX_BODY_BYTES.',
  ),
  unsupported_media_type: clientRow(
    415,
    -32600,
    'The content type is not supported',
    'Send `Content-Type: application/json` in UTF-8.',
  ),
  not_found: row(404, -32601, 'client', false, 'Nothing is here', 'No such path, or not with this method.'),
  method_not_allowed: clientRow(
    405,
    -32601,
    'The method is not allowed here',
    'The path exists, but not with this HTTP method; `Allow` names those it has.',
  ),
  method_not_found: clientRow(
    404,
    -32601,
    'Unknown MCP method',
    'The gateway does not carry this MCP method.',
  ),
  tool_not_found: clientRow(
    404,
    -32602,
    'Unknown tool',
    'No tool of that name exists, or you may not use it. The two cases are the same answer on purpose.',
  ),
  resource_not_found: clientRow(
    404,
    -32602,
    'Unknown resource',
    'No resource of that URI exists, or you may not read it. The two cases are the same answer on purpose.',
  ),
  prompt_not_found: clientRow(
    404,
    -32602,
    'Unknown prompt',
    'No prompt of that name exists, or you may not use it. The two cases are the same answer on purpose.',
  ),
  server_not_found: clientRow(
    404,
    -32602,
    'Unknown server',
    'No server of that name exists, or you may not use it. The two cases are the same answer on purpose.',
  ),
  session_not_found: clientRow(
    404,
    -31012,
    'Unknown session',
    'The session has ended, never existed, or belongs to somebody else. Open a new one.',
  ),
  too_many_sessions: row(
    429,
    -31004,
    'client',
    true,
    'Too many open sessions',
    'This principal, or the gateway as a whole, has as many sessions as allowed. End one, or try again later.',
  ),
  upstream_unavailable: row(
    503,
    -31000,
    'upstream',
    true,
    'The server is not available',
    'The MCP server behind this tool is down, starting, or lost its connection. `server` names it; `mayHaveExecuted` says whether the call may have run.',
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
    'The answer is larger than MAX_UPSTREAM_MESSAGE_BYTES and was discarded. The call has run.',
  ),
  cancelled: clientRow(
    499,
    -31013,
    'The caller went away',
    'The caller cancelled the request or closed the connection. The call may have run.',
  ),
  shutting_down: row(
    503,
    -31005,
    'gateway',
    true,
    'The gateway is shutting down',
    'Try again; another replica, or the restarted one, will answer.',
  ),
  not_ready: row(
    503,
    -31005,
    'gateway',
    true,
    'The gateway is not ready yet',
    'The first registry snapshot has not been applied yet. Try again in a moment.',
  ),
  keys_unavailable: row(
    503,
    -31005,
    'config',
    true,
    'The signing keys of the issuer cannot be had',
    'The key set of the token issuer could not be fetched, so no token of it can be checked. Try again.',
  ),
  audit_unavailable: row(
    503,
    -31006,
    'gateway',
    true,
    'The usage record cannot be written',
    'The queue of usage records is full. Nothing is executed that could not be recorded. Try again.',
  ),
  invalid_cursor: clientRow(
    400,
    -32602,
    'The cursor is not valid',
    'Cursors come from an earlier page of the same list; start again without one.',
  ),
  invalid_document: clientRow(
    422,
    -32602,
    'The server document is not valid',
    'The document does not have the form of a registry document; `problems` lists everything that is wrong with it. Nothing was written.',
  ),
  already_exists: clientRow(
    409,
    -32602,
    'A server of that name exists',
    'The name is taken within the tenant or by a server for all tenants. Change the existing one with `PUT`, or choose another name.',
  ),
  precondition_required: clientRow(
    428,
    -32600,
    'The request has to say which version it changes',
    'Send `If-Match` with the `ETag` that `GET /v1/servers/{name}` answered.',
  ),
  precondition_failed: clientRow(
    412,
    -32600,
    'The server document has changed meanwhile',
    'The `If-Match` header does not name the current version. Read the document again, and repeat the change on it.',
  ),
  store_unavailable: row(
    503,
    -31007,
    'gateway',
    true,
    'The registry cannot be read or written',
    'The registry file or Firestore did not answer, or refused. `mayHaveExecuted` says whether the write may have happened all the same. Servers go on as they are.',
  ),
  internal: row(
    500,
    -32603,
    'gateway',
    false,
    'Something went wrong in the gateway',
    'A defect of the gateway. The log has the details under the same `requestId`.',
  ),
} as const satisfies Record<string, ErrorDefinition>

export type ErrorCode = keyof typeof ERRORS

function row(
  status: number,
  rpc: number,
  owner: ErrorOwner,
  retryable: boolean,
  title: string,
  help: string,
): ErrorDefinition {
  return { status, rpc, owner, retryable, title, help }
}

/** A row for what only the caller can put right. */
function clientRow(status: number, rpc: number, title: string, help: string): ErrorDefinition {
  return row(status, rpc, 'client', false, title, help)
}

/** What an error may tell its receiver beside its code. Everything here is shown to callers. */
export interface ErrorFacts {
  readonly server?: string
  readonly instance?: string
  readonly mayHaveExecuted?: boolean
  readonly retryAfterMs?: number
  /** Each a path and what is wrong there. */
  readonly problems?: readonly string[]
  /** The JSON-RPC error that the upstream gave. */
  readonly upstream?: { readonly code: number; readonly message: string; readonly data?: unknown }
}

/**
 * An error that callers may see. `message` and `facts` are public; what must stay inside goes into `cause`,
 * which only the log shows.
 */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly code: ErrorCode
  readonly facts: ErrorFacts

  constructor(code: ErrorCode, message?: string, options: { cause?: unknown; facts?: ErrorFacts } = {}) {
    super(message ?? ERRORS[code].title, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.facts = options.facts ?? {}
  }
}

/** The error itself if it is a GatewayError, else an `internal` one that carries it as its cause. */
export function toGatewayError(error: unknown): GatewayError {
  return error instanceof GatewayError ? error : new GatewayError('internal', undefined, { cause: error })
}

/** The text of anything thrown, for logs and reasons that operators read. */
export function messageOf(error: unknown): string {
  const hasMessage = typeof error === 'object' && error !== null && 'message' in error
  return hasMessage ? String(error.message) : String(error)
}
