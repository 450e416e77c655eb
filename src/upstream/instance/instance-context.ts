import type { Clock } from '../../domain/clock.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { BreakerState } from '../health/circuit-breaker.ts'
import type { Connect, Era } from '../connection/connection.ts'
import type { Offer } from '../discovery/discovery.ts'
import type { Health } from '../health/health-check.ts'
import type { InstanceState } from './instance-state.ts'
import type { ProbeTurns } from '../health/probe-turns.ts'
import type { Slots } from './slots.ts'

/** What an operator sees of an instance. */
export interface InstanceStatus {
  readonly id: string
  readonly state: InstanceState
  readonly pid?: number
  readonly era?: Era
  readonly protocolVersion?: string
  /** Starts after the first one. */
  readonly restarts: number
  readonly lastError?: string
  /** Where it is reached over HTTP, without the query. */
  readonly url?: string
  readonly health?: Health
  /** Calls that it has at the moment. */
  readonly inFlight: number
  /** How long its calls take of late, on average, or its last health check where it had none; in milliseconds. */
  readonly latencyMs?: number
}

/** What every instance of one process needs alike. */
export interface InstanceContext {
  readonly connect: Connect
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Bound how many start at the same time: programs and endpoints each have their own. */
  readonly startSlots: (definition: ServerDefinition) => Slots
  /** Bounds how many are looked at a second time, as a client with capabilities: starts never wait for that. */
  readonly lookSlots: Slots
  /** Bounds how often instances are asked whether they are well. */
  readonly probeTurns: ProbeTurns
  readonly connectTimeoutMs: number
  readonly drainTimeoutMs: number
  /** The circuit of a pool of the server of that name changed. */
  readonly onBreaker?: ((server: string, state: BreakerState) => void) | undefined
  /** A call was refused because the server of that name had too many. */
  readonly onBusy?: ((server: string) => void) | undefined
}

/** What an instance reports to its pool. */
export interface InstanceEvents {
  readonly onState: (state: InstanceState, reason: string | undefined) => void
  /** Whether somebody has to know what the instance offers: it is then asked before it is ready. */
  readonly needsOffer: () => boolean
  readonly onOffer: (offer: Offer) => void
  readonly onListChanged: () => void
  /** The parameters of `notifications/resources/updated`. */
  readonly onResourceUpdated: (params: JsonObject) => void
}

/** What a connection said of its server when it was opened. */
export interface Introduction {
  readonly era: Era
  readonly capabilities: JsonObject
}
