import type { Clock } from '../../domain/clock.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'

interface Told {
  readonly at: number
  /** Left out since. */
  count: number
}

const TELL_EVERY_MS = 60_000
const MAX_SERVERS = 1000

/** Tells operators how many notifications of servers were left out: each in a metric, and a server in one line a minute. */
export class LeftOutNotices {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #metrics: Pick<Metrics, 'noticesLeftOut'>
  readonly #told = new Map<ServerKey, Told>()

  constructor(options: { clock: Clock; logger: Logger; metrics: Pick<Metrics, 'noticesLeftOut'> }) {
    this.#clock = options.clock
    this.#logger = options.logger
    this.#metrics = options.metrics
  }

  /** Counts notifications of a server that were left out, if any were. */
  add(server: ServerDefinition, count: number): void {
    if (count === 0) return
    this.#metrics.noticesLeftOut(server.name, count)
    const key = serverKey(server)
    const now = this.#clock.monotonic()
    const told = this.#told.get(key)
    if (told !== undefined && now - told.at < TELL_EVERY_MS) {
      told.count += count
      return
    }
    if (this.#told.size >= MAX_SERVERS) this.#told.clear()
    this.#told.set(key, { at: now, count: 0 })
    this.#logger.warn(
      { server: key, count: (told?.count ?? 0) + count },
      'a server sends too many notifications; those that announce no change are left out',
    )
  }
}
