import type { ClientTransport } from '../domain/client-transport.ts'
import type { Action, Decision, Target } from '../domain/access-policy.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { Presented } from '../domain/presented.ts'
import type { Principal } from '../domain/principal.ts'
import type { ServerDefinition } from '../domain/documents/server-definition.ts'
import type { ClientSide } from '../upstream/messages/client-side.ts'
import type { Era } from '../upstream/connection/connection.ts'
import type { Method } from './methods.ts'
import type { TaskTarget } from './tasks/task-handles.ts'

/** Who makes a call, and over which transport. */
export interface Caller {
  readonly principal: Principal
  readonly transport: ClientTransport
  readonly sessionId: string | undefined
  /** Identity of the HTTP request, for logs and records. */
  readonly requestId: string
  /**
   * What the caller's program calls itself in its requests (`X-Client-Name`). It is not verified, so no decision uses
   * it.
   */
  readonly clientName?: string | undefined
  /** The address that the connection came from, which may be that of a proxy. */
  readonly address?: string | undefined
  /** When the request arrived, in monotonic milliseconds; by default when its call begins. */
  readonly arrivedAt?: number | undefined
  /** What the request itself brought, for servers that are called on behalf of the caller. */
  readonly presented?: Presented | undefined
  /** The client of a conversation, for messages and requests of servers outside any call. Absent over REST. */
  readonly client?: CallerClient
}

/** A client as it declared itself; each server sees only what its document grants. */
export interface CallerClient extends ClientSide {
  readonly era: Era
  /** The name that the client gave when it declared itself. */
  readonly name?: string | undefined
}

/** What a caller wants to do, in the names that the caller uses. */
export interface Operation {
  readonly action: Action
  readonly kind: Target['kind']
  /** Name of the server, tool or prompt, or URI of the resource, as the caller knows it. */
  readonly name: string
  /** The one server that the caller addresses under its own names; undefined for all servers. */
  readonly scope: string | undefined
  readonly method: Method
  readonly params: JsonObject
  /** Checks the parameters after the caller was authorized and before anything is sent. @throws GatewayError */
  readonly check?: () => void
  /**
   * The task that the operation is about, which determines its server and its tool; `unknown` if there is no such task.
   */
  readonly task?: TaskTarget | 'unknown'
  readonly signal: AbortSignal
  readonly onProgress?: (progress: JsonObject) => void
  /** The client as this operation can reach it. Absent over REST. */
  readonly client?: CallerClient
  /** Whether the result may be left as bytes (see `Answer.raw`). */
  readonly takesRaw?: boolean
  /** Whether it is a step of a pipeline, so that other steps get its result. */
  readonly isStep?: boolean
  /** Set only for a subscription to a resource, which outlasts its request. */
  readonly watch?: ResourceWatch
}

/** Callbacks of a resource subscription. */
export interface ResourceWatch {
  /** Gets the parameters of `notifications/resources/updated`, under the caller's own URI. */
  readonly onUpdated: (params: JsonObject) => void
  /** Called once the subscription exists, with the function that ends it. */
  readonly onWatching: (release: () => void) => void
}

/** The server that an operation goes to, and the server's own name for its target. */
export interface Route {
  readonly server: ServerDefinition
  readonly name: string
}

/** The request of a caller; it is immutable. */
export interface Call {
  readonly caller: Caller
  readonly operation: Operation
  /** Monotonic milliseconds. */
  readonly startedAt: number
  readonly info: CallInfo
}

/**
 * The progress of a call, for its usage record, its span, and its error at a shutdown. Stages write it, and base no decision
 * on it.
 */
export interface CallInfo {
  /** The server that the call was last sent to, or is to be sent to. */
  route: Route | undefined
  decision: Decision | undefined
  /** The instance that the last attempt was sent to. */
  instance: string | undefined
  /** The id of the approval that it used. */
  approval?: string
  /** Names its usage record, once it has begun. */
  record?: { readonly id: string; readonly atMs: number }
  /** Called when its usage record is written. */
  onRecorded?: () => void
}
