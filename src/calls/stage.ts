import type { ServerCatalog } from '../catalog/server-catalog.ts'
import type { ShapedTool } from '../catalog/shaping/tool-shape.ts'
import type { Decision } from '../domain/access-policy.ts'
import type { ServerDefinition } from '../domain/documents/server-definition.ts'
import type { ToolPolicy } from '../domain/documents/tool-policy.ts'
import type { JsonObject } from '../domain/json/json.ts'
import type { RawObject } from '../domain/json/raw-object.ts'
import { TextResult } from '../domain/json/text-result.ts'
import type { Call, Route } from './call.ts'
import type { BegunAttempt } from './plain/begun-attempt.ts'
import type { Method } from './methods.ts'

/** What is known of the calls to one target before any of them arrives. */
export interface PlannedTarget {
  readonly method: Method
  readonly server: ServerDefinition
  /** The server's own name of the tool; empty where the stages do not depend on the name. */
  readonly name: string
  readonly policy: ToolPolicy
  /** What the server offers, and of it the tool; undefined while that is unknown. */
  readonly offered: ServerCatalog | undefined
  readonly tool: ShapedTool | undefined
}

/** The stages for the calls to one target, compiled when the first of them arrives. */
export interface Plan {
  readonly target: PlannedTarget
  /** For each position in the chain, runs a call from that stage on; stages that do nothing are left out. */
  readonly from: readonly Run[]
  /** The plan of the same method at another route. */
  readonly at: (route: Route) => Plan
  /** Whether plain calls can skip every stage that does something for the target. */
  readonly allowsPlainCalls: boolean
}

/** A call that has a server. It is immutable: a stage that changes something passes on a new one. */
export interface RoutedCall extends Call {
  readonly route: Route
  /** The stages of the route, and what the operator sets for its target. */
  readonly plan: Plan
  /** The parameters that the next stage gets; at first those of the operation. */
  readonly params: JsonObject
  /** Milliseconds that the whole call may take. */
  readonly timeoutMs: number
  /** Milliseconds that the call spent waiting for answers of the client. They do not count towards its timeout. */
  readonly askedMs: number
  /** The first attempt to send it, where that was made ahead of the stages. */
  readonly attempt?: BegunAttempt
}

/** The result of a call, and the server that gave it. */
export interface Answer {
  readonly result: JsonObject
  /** The result as bytes, complete and without questions; stages that need no more of it leave it unparsed. */
  readonly raw?: RawObject | undefined
  /** The result as JSON text, if it is available as one. */
  readonly json?: string | undefined
  readonly route: Route
  /** Set if the client answers the questions in the result by sending the same call again, without any state. */
  readonly isStateless?: boolean
}

/**
 * An answer whose result is parsed when it is first read. A copy with another result has no bytes, because a spread does not
 * copy getters.
 */
export class UnparsedAnswer implements Answer {
  readonly route: Route
  readonly #raw: RawObject

  constructor(raw: RawObject, route: Route) {
    this.#raw = raw
    this.route = route
  }

  get raw(): RawObject {
    return this.#raw
  }

  get result(): JsonObject {
    return this.#raw.parse()
  }

  get json(): string | undefined {
    return this.#raw instanceof TextResult ? this.#raw.json : undefined
  }
}

/** Runs a call through the stages that remain. */
export type Run = (call: RoutedCall) => Promise<Answer>

/** One stage of a call: it wraps `next`, which runs the remaining stages of the call that it is given. */
export type Stage = (call: RoutedCall, next: Run) => Promise<Answer>

/** Makes the stage for the calls to one target; undefined if it does nothing for them. */
export type StageFor = (target: PlannedTarget) => Stage | undefined

/**
 * The same call to another server or target.
 * @param decision the decision that allows it, if there is a new one
 */
export function rerouted(call: RoutedCall, route: Route, decision?: Decision): RoutedCall {
  if (route === call.route) return call
  call.info.route = route
  if (decision !== undefined) call.info.decision = decision
  call.info.instance = undefined
  return { ...call, route, plan: call.plan.at(route) }
}
