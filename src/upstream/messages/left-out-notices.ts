import type { Clock } from '../../domain/clock.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import { LimitedLog } from '../../telemetry/limited-log.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Metrics } from '../../telemetry/metrics/metrics.ts'

const MAX_SERVERS = 1000

/** Tells operators how many notifications of servers were left out: each in a metric, and a server in one line a minute. */
export class LeftOutNotices {
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #metrics: Pick<Metrics, 'noticesLeftOut'>
  readonly #logs = new Map<ServerKey, LimitedLog>()

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
    this.#logOf(key).warn(
      (leftOut) => ({ server: key, count: leftOut + count }),
      'a server sends too many notifications; those that announce no change are left out',
      count,
    )
  }

  #logOf(key: ServerKey): LimitedLog {
    const known = this.#logs.get(key)
    if (known !== undefined) return known
    if (this.#logs.size >= MAX_SERVERS) this.#logs.clear()
    const log = new LimitedLog({ clock: this.#clock, logger: this.#logger })
    this.#logs.set(key, log)
    return log
  }
}
