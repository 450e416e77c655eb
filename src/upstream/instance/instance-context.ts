import type { Clock } from '../../domain/clock.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { BreakerState } from '../health/circuit-breaker.ts'
import type { Connect, Era } from '../connection/connection.ts'
import type { Offer } from '../discovery/discovery.ts'
import type { Health } from '../health/health-check.ts'
import type { InstanceState } from './instance-state.ts'
import type { ProbeTurns } from '../health/probe-turns.ts'
import type { Slots } from './slots.ts'
import type { StartSlots } from './start-slots.ts'

/** The status of an instance for operators. */
export interface InstanceStatus {
  readonly id: string
  readonly state: InstanceState
  readonly pid?: number
  readonly era?: Era
  readonly protocolVersion?: string
  /** Number of starts after the first one. */
  readonly restarts: number
  readonly lastError?: string
  /** Its URL without the query; absent for a process. */
  readonly url?: string
  readonly health?: Health
  /** Calls in flight. */
  readonly inFlight: number
  /**
   * Moving average of the duration of its calls in milliseconds, or duration of its last health check if it had none.
   */
  readonly latencyMs?: number
}

/** What all instances share. */
export interface InstanceContext {
  readonly connect: Connect
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  readonly startSlots: StartSlots
  /** Limits the lookups of conditional offers, separately from starts, which never wait for them. */
  readonly lookSlots: Slots
  /** Limits the rate of health checks. */
  readonly probeTurns: ProbeTurns
  readonly connectTimeoutMs: number
  /** Where health checks of paths may go. */
  readonly outbound: Outbound
  readonly drainTimeoutMs: number
  /** The state of a circuit breaker of the server of that name changed. */
  readonly onBreaker?: ((server: string, state: BreakerState) => void) | undefined
  /** A call to the server of that name was refused because too many calls are in flight or waiting. */
  readonly onBusy?: ((server: string) => void) | undefined
}

/** What an instance reports to its pool. */
export interface InstanceEvents {
  readonly onState: (state: InstanceState, reason: string | undefined) => void
  /** Whether the offer of the instance is needed, so that it must report it before it is ready. */
  readonly needsOffer: () => boolean
  readonly onOffer: (offer: Offer) => void
  readonly onListChanged: () => void
  /** The parameters of `notifications/resources/updated`. */
  readonly onResourceUpdated: (params: JsonObject) => void
}

/** What a server declared when a connection was opened. */
export interface Introduction {
  readonly era: Era
  readonly capabilities: JsonObject
}
