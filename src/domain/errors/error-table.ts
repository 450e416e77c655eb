import { APPROVAL_ERRORS } from './approval-error-table.ts'
import { AVAILABILITY_ERRORS } from './availability-error-table.ts'
import { clientRow, type ErrorDefinition, row } from './error-row.ts'
import { HTTP_ERRORS } from './http-error-table.ts'
import { UPSTREAM_ERRORS } from './upstream-error-table.ts'

/** The one table of errors: code to HTTP status, JSON-RPC code and owner. */
export const ERRORS = {
  missing_token: clientRow(
    401,
    -31010,
    'The bearer token is missing',
    'Send `Authorization: Bearer <token>`. Tokens in the query string or in cookies are ignored.',
  ),
  invalid_token: clientRow(
    401,
    -31010,
    'The token is not valid',
    'The signature, issuer, audience, lifetime or a required claim of the token is not valid, or the token has expired. Get a new token for this gateway.',
  ),
  invalid_ticket: clientRow(
    401,
    -31010,
    'The ticket is not valid',
    'A ticket opens one WebSocket, within 30 seconds, at the path that it was issued for. Get a new one with `POST /v1/tickets`.',
  ),
  forbidden: clientRow(
    403,
    -31011,
    'The operation is not allowed',
    'The token is valid, but its roles or an access rule of the operator do not allow this operation.',
  ),
  insufficient_scope: clientRow(
    403,
    -31011,
    'The token lacks a scope',
    'You may use this tool, but the token lacks a scope that the tool requires; `scopes` lists all that it requires. Get a token with these scopes; over HTTP the challenge in `WWW-Authenticate` leads a client there (step-up).',
  ),
  agent_not_allowed: clientRow(
    403,
    -31011,
    'The agent name is not allowed',
    'The `x-agent-name` header names an agent that the token does not list in its `agents` claim.',
  ),
  tenant_disabled: clientRow(
    403,
    -31011,
    'The tenant is switched off',
    'The token is valid, but an operator of the platform has switched its tenant off (`enabled: false`). Nothing of it can be used until it is switched on again.',
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
    'The request is malformed',
    'The body is not valid JSON or has the wrong shape; `detail` says where.',
  ),
  invalid_params: clientRow(
    400,
    -32602,
    'The parameters are not valid',
    'A part of the parameters of the MCP request is missing or has the wrong form; `problems` names each.',
  ),
  invalid_arguments: clientRow(
    422,
    -32602,
    'The arguments are not valid',
    'The arguments do not match the input schema of the tool or prompt; `problems` lists every mismatch.',
  ),
  ...HTTP_ERRORS,
  method_not_found: clientRow(
    404,
    -32601,
    'Unknown MCP method',
    'The gateway does not support this MCP method.',
  ),
  tool_not_found: clientRow(
    404,
    -32602,
    'Unknown tool',
    'No tool of that name exists, or you may not use it. The response is deliberately the same in both cases.',
  ),
  resource_not_found: clientRow(
    404,
    -32602,
    'Unknown resource',
    'No resource of that URI exists, or you may not read it. The response is deliberately the same in both cases.',
  ),
  prompt_not_found: clientRow(
    404,
    -32602,
    'Unknown prompt',
    'No prompt of that name exists, or you may not use it. The response is deliberately the same in both cases.',
  ),
  server_not_found: clientRow(
    404,
    -32602,
    'Unknown server',
    'No server of that name exists, or you may not use it. The response is deliberately the same in both cases.',
  ),
  task_not_found: clientRow(
    404,
    -32602,
    'Unknown task',
    'No task of that id exists, it belongs to another caller, or you may not call its tool. The response is deliberately the same in all cases.',
  ),
  run_not_found: clientRow(
    404,
    -32602,
    'Unknown run',
    'No run of a pipeline with that id exists, the run or the replica that ran it has ended long ago, or it belongs to another caller. The response is deliberately the same in all cases.',
  ),
  pipeline_step_failed: row(
    502,
    -31002,
    'upstream',
    false,
    'A step of the pipeline failed',
    'The tool of the step reported an error, or an expression of the pipeline could not be evaluated; `step` names the step and `detail` gives the reason. A step that fails in another way returns the error of its call, with `step`.',
  ),
  pipeline_invalid: row(
    409,
    -32602,
    'config',
    false,
    'The pipeline does not match the available tools',
    'A step names a tool that its server does not offer, or passes arguments that the tool does not accept; `problems` lists them. Nothing was executed.',
  ),
  session_not_found: clientRow(
    404,
    -31012,
    'Unknown session',
    'The session has ended, never existed, or belongs to another caller. Open a new session.',
  ),
  too_many_sessions: row(
    429,
    -31004,
    'client',
    true,
    'The limit of open sessions is reached',
    'This principal, its tenant, or the gateway as a whole has reached its limit of open sessions. Close a session, or try again later.',
  ),
  too_many_requests: row(
    429,
    -31004,
    'client',
    true,
    'The limit of concurrent requests is reached',
    'This connection has reached its limit of concurrent requests. Nothing was executed. Wait for a response before sending another request.',
  ),
  stream_not_kept: clientRow(
    400,
    -31012,
    'The stream cannot be resumed',
    '`Last-Event-ID` does not name an event of this session, or the events after it are no longer stored. The session stays open; responses that were missed are lost.',
  ),
  rate_limited: row(
    429,
    -31004,
    'client',
    true,
    'The rate limit is exceeded',
    'The caller, its tenant or the server has reached its rate limit. Nothing was executed. Try again after `Retry-After`.',
  ),
  ...UPSTREAM_ERRORS,
  client_capability_required: clientRow(
    422,
    -31014,
    'The client lacks a required capability',
    'The server of this tool asks its client for something (an elicitation, a sampling, its roots), and this client did not declare the capability, or uses a transport that does not support it. Nothing was executed. See docs/protocol.md for what each transport supports.',
  ),
  credential_required: clientRow(
    403,
    -31015,
    'An account has to be connected first',
    'The server is called with an account of the caller, which was never connected, has expired, or lacks a scope. The caller connects it in a browser at `connect.url`; without that, an operator has to. Nothing was executed. See docs/credentials.md.',
  ),
  delegation_refused: clientRow(
    403,
    -31015,
    'The token of the caller cannot be exchanged',
    'The server gets a token in exchange for that of the caller, who has sent none, one of another issuer, or one that is not exchanged; `detail` gives the reason. Nothing was executed. Call again with a token of the identity provider that the operator has named. See docs/delegation.md.',
  ),
  ...APPROVAL_ERRORS,
  client_not_reachable: clientRow(
    504,
    -31014,
    'The client did not answer the question of the server',
    'The server asked the client for something while the call ran, and the client did not answer: it has disconnected, has no open stream, or took too long.',
  ),
  invalid_request_state: clientRow(
    422,
    -32602,
    'The requestState is not valid',
    'It was altered, has expired, or belongs to another caller or another request. Start the request again without it.',
  ),
  cancelled: clientRow(
    499,
    -31013,
    'The request was cancelled',
    'The caller cancelled the request or closed the connection. The call may have run.',
  ),
  ...AVAILABILITY_ERRORS,
  invalid_cursor: clientRow(
    400,
    -32602,
    'The cursor is not valid',
    'Cursors come from an earlier page of the same list; start again without one.',
  ),
  invalid_document: clientRow(
    422,
    -32602,
    'The document is not valid',
    'The document does not have the form of a registry document; `problems` lists everything that is wrong with it. Nothing was written.',
  ),
  already_exists: clientRow(
    409,
    -32602,
    'The name is taken',
    'A document of that name exists within the tenant or for all tenants. Change the existing one with `PUT`, or choose another name.',
  ),
  precondition_required: clientRow(
    428,
    -32600,
    'The request does not name the version that it changes',
    'Send `If-Match` with the `ETag` from a `GET` of the same path.',
  ),
  precondition_failed: clientRow(
    412,
    -32600,
    'The document has changed in the meantime',
    'The `If-Match` header does not name the current version. Read the document again, and repeat the change on it.',
  ),
  server_disabled: row(
    409,
    -32602,
    'config',
    false,
    'The server is disabled',
    'Its document has `enabled: false`, so it cannot be started. Enable it in the registry first.',
  ),
  install_failed: row(
    502,
    -31008,
    'config',
    true,
    'The package could not be installed',
    '`detail` gives the reason: npm rejected the package, the installation took longer than INSTALL_TIMEOUT_MS, or the package with its dependencies is larger than INSTALL_MAX_BYTES. All installed files were removed, and no server was written.',
  ),
  mcp_registry_unavailable: row(
    502,
    -31008,
    'config',
    true,
    'The MCP registry cannot be used',
    '`detail` gives the reason: the registry of MCP_REGISTRY_URL did not respond, its answer is not one of the registry API, or the outbound policy forbids its address (OUTBOUND_ADDRESSES, OUTBOUND_ALLOW). Servers can still be added from an address, a package or a command.',
  ),
  internal: row(
    500,
    -32603,
    'gateway',
    false,
    'An internal error occurred in the gateway',
    'This is a defect of the gateway. The log has the details under the same `requestId`.',
  ),
} as const satisfies Record<string, ErrorDefinition>

/** The code of an error of the gateway, as responses and usage records have it. */
export type ErrorCode = keyof typeof ERRORS

/** Whether a value is a code of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERRORS, value)
}
