import type { Face } from '../audit/usage-record.ts'
import type { Action, Decision, Target } from '../domain/access-policy.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { Principal } from '../domain/principal.ts'
import type { ServerDefinition } from '../domain/documents/server-definition.ts'
import type { ClientSide } from '../upstream/messages/client-side.ts'
import type { Era } from '../upstream/connection/connection.ts'
import type { Pool } from '../upstream/pool/pool.ts'
import type { TaskTarget } from './tasks/task-handles.ts'

/** Who asks, and over which face. */
export interface Caller {
  readonly principal: Principal
  readonly face: Face
  readonly sessionId: string | undefined
  /** Identity of the HTTP request, for logs and records. */
  readonly requestId: string
  /** What the caller's program calls itself in its requests (`X-Client-Name`). It is believed, and decides nothing. */
  readonly clientName?: string | undefined
  /** The client of a conversation, for what servers say or ask outside of any call. Absent over REST. */
  readonly client?: CallerClient
}

/** A client as it declared itself; what each server gets of it is cut to what the server's document grants. */
export interface CallerClient extends ClientSide {
  readonly era: Era
  /** As the client gave it when it declared itself. */
  readonly name?: string | undefined
}

/** What a caller wants done, in the caller's own terms. */
export interface Operation {
  readonly action: Action
  readonly kind: Target['kind']
  /** The server's, tool's or prompt's name or the resource's URI, as the caller knows it. */
  readonly name: string
  /** The one server that the caller addresses under its own names; undefined for all servers. */
  readonly scope: string | undefined
  readonly method: string
  readonly params: JsonObject
  /** Checks the parameters once the caller may do this, before anything is sent. @throws GatewayError */
  readonly check?: () => void
  /** The task that this is about, which leads to its server and its tool; `unknown` where there is none. */
  readonly task?: TaskTarget | 'unknown'
  readonly signal: AbortSignal
  readonly onProgress?: (progress: JsonObject) => void
  /** The client as this operation reaches it. Absent over REST. */
  readonly client?: CallerClient
  /** It is a step of a pipeline: what it results in goes to other steps. */
  readonly isStep?: boolean
  /** Only of a subscription to a resource, which is an operation that goes on. */
  readonly watch?: ResourceWatch
}

/** What becomes of a subscription once it stands. */
export interface ResourceWatch {
  /** Gets the parameters of `notifications/resources/updated`, under the caller's own URI. */
  readonly onUpdated: (params: JsonObject) => void
  /** Called once, with what ends the subscription. */
  readonly onWatching: (release: () => void) => void
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
  /** The caller's parameters as they go on from here; at first those of the operation. */
  params: JsonObject
  /** Milliseconds in which the client was asked something. They do not count as the call's own. */
  askedMs: number
  /** Milliseconds that the whole call may take; set once the route is known. */
  timeoutMs: number
  /** Whose connections it goes over; chosen anew for each attempt. */
  pool: Pool | undefined
  /** The operation's client as the server of the pool reaches it. */
  client: CallerClient | undefined
  /** The instance that it was given to; undefined as long as the present attempt has got no further than the pool. */
  instance: string | undefined
}

/**
 * One step of the pipeline: does its part and asks `next` for the rest, of this call or of one that takes its place from
 * here on.
 */
export type Stage = (call: Call, next: (instead?: Call) => Promise<JsonObject>) => Promise<JsonObject>
