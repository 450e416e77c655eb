import type { Stage } from '../calls/stage.ts'
import type { Clock } from '../domain/clock.ts'
import type { TransitBytes } from '../domain/concurrency/transit-bytes.ts'
import type { Admit } from '../domain/concurrency/gated-work.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import type { ServerStatus } from '../upstream/pool/server-pools.ts'

/** What every part of a gateway is built with. */
export interface Runtime {
  readonly clock: Clock
  /** Gives numbers from 0 to below 1. */
  readonly random: () => number
  readonly env: Readonly<Record<string, string | undefined>>
  readonly logger: Logger
  readonly metrics: Metrics
  readonly lifecycle: Lifecycle
  /** The operator's own stages, in order. */
  readonly ownStages: readonly Stage[]
  /** Lets work begin in fair order; everything begins at once by default. */
  readonly admit?: Admit
  /** Counts large results; by default they have no limit. */
  readonly transit?: TransitBytes
  readonly onServerState: (status: ServerStatus) => void
  /** Shows a one-time link for a browser to the person at the terminal. */
  readonly onSignInLink?: (url: string) => void
  /** How metadata documents of clients are reached, where that is not the public internet. */
  readonly documents?: Outbound
}
