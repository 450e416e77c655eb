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

/** A row, column by column. */
export function row(
  status: number,
  rpc: number,
  owner: ErrorOwner,
  retryable: boolean,
  title: string,
  help: string,
): ErrorDefinition {
  return { status, rpc, owner, retryable, title, help }
}

/** A row for what a caller does wrong, and does wrong again. */
export function clientRow(status: number, rpc: number, title: string, help: string): ErrorDefinition {
  return row(status, rpc, 'client', false, title, help)
}
