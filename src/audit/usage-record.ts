import type { Action } from '../domain/access-policy.ts'
import type { RuleId } from '../domain/access/rules.ts'
import type { ClientTransport } from '../domain/client-transport.ts'
import type { ErrorCode } from '../domain/errors/error-table.ts'
import type { JsonObject } from '../domain/json/json.ts'

/**
 * `tool_error`: the tool ran and its result has `isError`. `unknown`: the gateway was killed while the call ran.
 * `changed`: no call, but an administrative act that was done.
 */
export type Outcome = 'ok' | 'tool_error' | 'error' | 'denied' | 'cancelled' | 'unknown' | 'changed'

/** An administrative act: the kind of its object and what is done to it, as `server.create`. */
export type Act = `${string}.${string}`

/**
 * One attempted use of a tool, resource or prompt, allowed or denied, or one administrative act: a document of
 * `tool_usage`.
 */
interface UsageRecord {
  /** Globally unique; sorts by time of the attempt. */
  readonly id: string
  /** Time of the attempt in milliseconds since the epoch. */
  readonly atMs: number
  readonly tenantId: string
  readonly subject: string
  readonly agent: string | null
  /** What the caller had when it was decided; absent in records of earlier versions. */
  readonly roles?: readonly string[] | undefined
  /** What the caller's program calls itself. */
  readonly clientName?: string | null | undefined
  /** Where the request came from. */
  readonly address?: string | null | undefined
  /** How it came: a client's transport, or of an administrative act what else it was done with. */
  readonly face: ClientTransport | 'registry' | 'command-line'
  readonly sessionId: string | null
  readonly requestId: string
  readonly action: Action | Act
  /** The name or URI as the caller gave it, cut to 256 characters. */
  readonly target: string
  /** Server and its own name of the target; null when nothing of that name exists. */
  readonly server: string | null
  readonly instance: string | null
  readonly effect: 'allow' | 'deny'
  readonly ruleId: RuleId | 'unknown-target'
  /** The document that the rule is in, as `servers/acme/github`; null where no document decided. */
  readonly ruleDocument?: string | null | undefined
  readonly outcome: Outcome
  readonly code: ErrorCode | null
  readonly durationMs: number
  readonly requestBytes: number
  readonly responseBytes: number
  /** What an administrative act made different, without secrets; of a call, the approval that it used. */
  readonly change?: JsonObject | undefined
}

/** A record before it is written. The arguments' text is turned into a keyed digest first, and never stored. */
export interface PendingRecord extends UsageRecord {
  readonly argumentsText: string
  /** Whether that is known to be the canonical form (`canonicalJson`). */
  readonly isCanonical?: boolean
}

/** A stored record. */
export interface StoredRecord extends UsageRecord {
  /** HMAC-SHA-256, hex, of the canonical arguments under a key of the installation. */
  readonly argumentsDigest: string
  /** The record of the erasure of what is personal, where that was erased; those fields are empty then. */
  readonly erasedBy?: string | undefined
  /** The hash of what was there. */
  readonly commitment?: string | undefined
}

/**
 * Whether the target is the caller's own text, as URIs of resources are and names that nothing has; the names of tools
 * and prompts are nobody's.
 */
export function isPersonalTarget({ action, server }: Pick<UsageRecord, 'action' | 'server'>): boolean {
  return action === 'read' || action === 'subscribe' || (server === null && !action.includes('.'))
}
