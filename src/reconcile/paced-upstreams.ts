import type { Clock } from '../domain/clock.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../domain/documents/server-definition.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { ReconciledUpstreams } from './reconciler.ts'

/** So many openings of a server at once cost no waiting: an operator who tries something out is not slowed down. */
const FREE = 3
const FIRST_WAIT_MS = 1000
const MAX_WAIT_MS = 30_000
/** How long until one opening is forgotten. */
const FORGET_MS = 10_000

interface Pace {
  /** Openings that are not forgotten, as of `at` on the monotonic clock. */
  strain: number
  at: number
  waiting: { readonly definition: ServerDefinition; readonly cancel: () => void } | undefined
}

/**
 * Limits how often the connections of a server are opened when its document changes repeatedly, with growing delays,
 * because each opening has a cost. The latest document is the one that is opened; changes of who may use the server,
 * and stopping it, are not delayed.
 */
export class PacedUpstreams implements ReconciledUpstreams {
  readonly #upstreams: ReconciledUpstreams
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #paces = new Map<ServerKey, Pace>()

  constructor(options: { upstreams: ReconciledUpstreams; clock: Clock; logger: Logger }) {
    this.#upstreams = options.upstreams
    this.#clock = options.clock
    this.#logger = options.logger
  }

  start(server: ServerDefinition): void {
    this.#open(server)
  }

  replace(server: ServerDefinition): void {
    this.#open(server)
  }

  update(server: ServerDefinition): void {
    const pace = this.#paces.get(serverKey(server))
    if (pace?.waiting === undefined) this.#upstreams.update(server)
    else pace.waiting = { ...pace.waiting, definition: server }
  }

  stop(key: ServerKey): void {
    this.#forgetWaiting(key)
    this.#upstreams.stop(key)
  }

  /** Opens nothing any more. */
  close(): void {
    for (const key of this.#paces.keys()) this.#forgetWaiting(key)
  }

  #open(definition: ServerDefinition): void {
    const key = serverKey(definition)
    const pace = this.#paceOf(key)
    if (pace.waiting !== undefined) {
      pace.waiting = { ...pace.waiting, definition }
      return
    }
    const delayMs = pace.strain < FREE ? 0 : Math.min(FIRST_WAIT_MS * 2 ** (pace.strain - FREE), MAX_WAIT_MS)
    pace.strain += 1
    if (delayMs === 0) return this.#upstreams.replace(definition)
    this.#logger.warn(
      { server: key, delayMs: Math.round(delayMs) },
      'the document of this server changes too often; backing off before its connections are opened again',
    )
    const cancel = this.#clock.after(delayMs, () => this.#openWaiting(key, pace))
    pace.waiting = { definition, cancel }
  }

  #openWaiting(key: ServerKey, pace: Pace): void {
    const definition = pace.waiting?.definition
    pace.waiting = undefined
    try {
      if (definition !== undefined) this.#upstreams.replace(definition)
    } catch (error) {
      this.#logger.error({ target: key, err: error }, 'applying the registry failed')
    }
  }

  /** The pace as it is now. Those that have come to rest for longest are first, and are forgotten. */
  #paceOf(key: ServerKey): Pace {
    const now = this.#clock.monotonic()
    for (const [other, { strain, at, waiting }] of this.#paces) {
      if (waiting !== undefined || now - at < strain * FORGET_MS) break
      this.#paces.delete(other)
    }
    const pace = this.#paces.get(key) ?? { strain: 0, at: now, waiting: undefined }
    pace.strain = Math.max(0, pace.strain - (now - pace.at) / FORGET_MS)
    pace.at = now
    this.#paces.delete(key)
    this.#paces.set(key, pace)
    return pace
  }

  #forgetWaiting(key: ServerKey): void {
    const pace = this.#paces.get(key)
    if (pace?.waiting === undefined) return
    pace.waiting.cancel()
    pace.waiting = undefined
  }
}
