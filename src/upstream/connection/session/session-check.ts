import type { Clock } from '../../../domain/clock.ts'
import {
  isAlike,
  isPingAnswer,
  isSurelyNotExecuted,
  type Refusal,
  refusalOf,
  type SessionSign,
  sessionSign,
} from './session-refusal.ts'

/** A session that is younger than this is asked before it is taken for gone. */
const YOUNG_MS = 10_000
/** Only what a server is sure to have: what it refuses of the rest may be what it does not have. */
const ALWAYS_THERE: ReadonlySet<string> = new Set(['tools/call', 'tools/list', 'ping'])

/** A request that was refused. */
interface Refused {
  readonly method: string
  readonly requestId: unknown
  /** When it was sent, on the monotonic clock. */
  readonly sentAt: number
  readonly signal: AbortSignal | undefined
}

/** `unexecuted`: the session is gone and the request has not been executed; `gone`: it may have been. */
type Verdict = 'there' | 'gone' | 'unexecuted'

/** What a `ping` came to: an answer, a refusal, or `silence`. */
type Pinged = 'answered' | 'silence' | Refusal

/**
 * Tells the loss of a session from the refusal of a request. Servers answer a session that they do not know in many
 * ways, and other requests in the same ways, so where that is not plain a `ping` over the same session decides.
 */
export class SessionCheck {
  readonly #clock: Clock
  readonly #ping: () => Promise<{ readonly failure?: unknown; readonly id?: unknown }>
  readonly #onDoubtfulLoss: () => void
  readonly #openedAt: number
  #answeredAt = Number.NEGATIVE_INFINITY
  /** Whether the server answers `ping` in a session that it knows; undefined while nobody can tell. */
  #hasPing: boolean | undefined
  #pinging: Promise<Pinged> | undefined

  constructor(options: {
    clock: Clock
    /** Sends `ping`; says how it failed. Never rejects. */
    ping: () => Promise<{ readonly failure?: unknown; readonly id?: unknown }>
    /** The session before was given up because of a refusal that may be how the server answers every `ping`. */
    isDoubted: boolean
    /** A session is given up for that reason. */
    onDoubtfulLoss: () => void
  }) {
    this.#clock = options.clock
    this.#ping = options.ping
    this.#onDoubtfulLoss = options.onDoubtfulLoss
    this.#openedAt = options.clock.monotonic()
    if (options.isDoubted) void this.#learn()
  }

  /** A request was answered with a result. */
  answered(method: string): void {
    this.#answeredAt = this.#clock.monotonic()
    if (method === 'ping') this.#hasPing = true
  }

  /** What the failure of a request means for the session. Takes the time of a `ping` where it has to be asked. */
  async verdict(error: unknown, { method, requestId, sentAt, signal }: Refused): Promise<Verdict> {
    const refusal = refusalOf(error, requestId)
    if (refusal === undefined) return 'there'
    if (method === 'ping') return this.#isLostBy(refusal, undefined) ? 'unexecuted' : 'there'
    const sign = sessionSign(refusal)
    if (sign === 'none' || this.#answeredAt > sentAt) return 'there'
    if (this.#isPlain(sign, method)) return 'unexecuted'
    const pinged = await this.#pingOnce(signal)
    if (pinged === 'answered' || pinged === 'silence' || !this.#isLostBy(pinged, refusal)) return 'there'
    return sign === 'gone' || isSurelyNotExecuted(refusal, pinged) ? 'unexecuted' : 'gone'
  }

  #isPlain(sign: SessionSign, method: string): boolean {
    return sign === 'gone' && ALWAYS_THERE.has(method) && this.#clock.monotonic() - this.#openedAt >= YOUNG_MS
  }

  /** Whether a refused `ping` tells that the session is gone. */
  #isLostBy(ping: Refusal, refusal: Refusal | undefined): boolean {
    if (isPingAnswer(ping)) return false
    const sign = sessionSign(ping)
    if (sign === 'none') return false
    if (sign === 'gone' || this.#hasPing === true) return true
    if (refusal === undefined) return false
    const isPlain = sessionSign(refusal) === 'gone'
    if (!isPlain && (this.#hasPing === false || !isAlike(refusal, ping))) return false
    this.#onDoubtfulLoss()
    return true
  }

  /** The session has just been opened: a `ping` that is refused now says nothing later either. */
  async #learn(): Promise<void> {
    const pinged = await this.#pingOnce(undefined)
    if (pinged !== 'answered' && pinged !== 'silence') this.#hasPing = isPingAnswer(pinged)
  }

  /** One at a time, for all who want to know. */
  async #pingOnce(signal: AbortSignal | undefined): Promise<Pinged> {
    this.#pinging ??= this.#pingNow().finally(() => (this.#pinging = undefined))
    return unlessAborted(this.#pinging, signal)
  }

  async #pingNow(): Promise<Pinged> {
    const { failure, id } = await this.#ping()
    if (failure === undefined) {
      this.answered('ping')
      return 'answered'
    }
    return refusalOf(failure, id) ?? 'silence'
  }
}

async function unlessAborted(pinging: Promise<Pinged>, signal: AbortSignal | undefined): Promise<Pinged> {
  if (signal === undefined) return pinging
  const { promise, resolve } = Promise.withResolvers<Pinged>()
  const abort = (): void => resolve('silence')
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await Promise.race([pinging, promise])
  } finally {
    signal.removeEventListener('abort', abort)
  }
}
