import type { Action } from '../domain/access-policy.ts'
import type { RuleId } from '../domain/access/rules.ts'
import type { ClientTransport } from '../domain/client-transport.ts'
import type { ErrorCode } from '../domain/errors/error-table.ts'

/**
 * `tool_error`: the tool ran and its result has `isError`. `unknown`: the gateway was killed while the call ran.
 */
export type Outcome = 'ok' | 'tool_error' | 'error' | 'denied' | 'cancelled' | 'unknown'

/** One attempted use of a tool, resource or prompt, allowed or denied: a document of `tool_usage`. */
interface UsageRecord {
  /** Globally unique; sorts by time of the attempt. */
  readonly id: string
  /** Time of the attempt in milliseconds since the epoch. */
  readonly atMs: number
  readonly tenantId: string
  readonly subject: string
  readonly agent: string | null
  readonly face: ClientTransport
  readonly sessionId: string | null
  readonly requestId: string
  readonly action: Action
  /** The name or URI as the caller gave it, cut to 256 characters. */
  readonly target: string
  /** Server and its own name of the target; null when nothing of that name exists. */
  readonly server: string | null
  readonly instance: string | null
  readonly effect: 'allow' | 'deny'
  readonly ruleId: RuleId | 'unknown-target'
  readonly outcome: Outcome
  readonly code: ErrorCode | null
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
}

/** A record before it is written. The arguments' text is turned into a keyed digest first, and never stored. */
export interface PendingRecord extends UsageRecord {
  readonly argumentsText: string
}

/** A stored record. */
export interface StoredRecord extends UsageRecord {
  /** HMAC-SHA-256, hex, of the canonical arguments under a key of the installation. */
  readonly argumentsDigest: string
}
