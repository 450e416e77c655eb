import type { Face } from '../audit/usage-record.ts'
import type { Action, Decision, Target } from '../domain/access-policy.ts'
import type { JsonObject } from '../domain/json.ts'
import type { Principal } from '../domain/principal.ts'
import type { ServerDefinition } from '../domain/server-definition.ts'

/** Who asks, and over which face. */
export interface Caller {
  readonly principal: Principal
  readonly face: Face
  readonly sessionId: string | undefined
  /** Identity of the HTTP request, for logs and records. */
  readonly requestId: string
}

/** What a caller wants done, in the caller's own terms. */
export interface Operation {
  readonly action: Exclude<Action, 'list'>
  readonly kind: Exclude<Target['kind'], 'server'>
  /** The tool's or prompt's name or the resource's URI, as the caller knows it. */
  readonly name: string
  /** The one server that the caller addresses under its own names; undefined for all servers. */
  readonly scope: string | undefined
  readonly method: string
  readonly params: JsonObject
  /** Checks the parameters once the caller may do this, before anything is sent. @throws GatewayError */
  readonly check?: () => void
  readonly signal: AbortSignal
  readonly onProgress?: (progress: JsonObject) => void
}

/** Where an operation goes, under the server's own name for its target. */
export interface Route {
  readonly server: ServerDefinition
  readonly name: string
}

/** One operation on its way through the pipeline; each stage fills in what it finds out. */
export interface Call {
  readonly caller: Caller
  readonly operation: Operation
  /** Monotonic milliseconds. */
  readonly startedAt: number
  route: Route | undefined
  decision: Decision | undefined
  /** Milliseconds that the whole call may take; set once the route is known. */
  timeoutMs: number
  instance: string | undefined
}

/** One step of the pipeline: does its part and asks `next` for the rest. */
export type Stage = (call: Call, next: () => Promise<JsonObject>) => Promise<JsonObject>
