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

/** A younger session is checked with a `ping` before it counts as lost. */
const YOUNG_MS = 10_000
/** Methods that every server has; it may refuse others because it does not support them. */
const ALWAYS_THERE: ReadonlySet<string> = new Set(['tools/call', 'tools/list', 'ping'])

/** A request that was refused. */
interface Refused {
  readonly method: string
  readonly requestId: unknown
  /** When it was sent, in monotonic milliseconds. */
  readonly sentAt: number
  readonly signal: AbortSignal | undefined
}

/** `unexecuted`: the session is lost and the request was not executed; `gone`: it may have been. */
type Verdict = 'there' | 'gone' | 'unexecuted'

/** Outcome of a `ping`: an answer, a refusal, or `silence`. */
type Pinged = 'answered' | 'silence' | Refusal

/**
 * Distinguishes the loss of a session from the refusal of a request. Servers answer requests of an unknown session in
 * many ways, and refuse other requests in the same ways; when that is ambiguous, a `ping` in the same session decides.
 */
export class SessionCheck {
  readonly #clock: Clock
  readonly #ping: () => Promise<{ readonly failure?: unknown; readonly id?: unknown }>
  readonly #onDoubtfulLoss: () => void
  readonly #openedAt: number
  #answeredAt = Number.NEGATIVE_INFINITY
  /** Whether the server answers `ping` in a valid session; undefined while that is unknown. */
  #hasPing: boolean | undefined
  #pinging: Promise<Pinged> | undefined

  constructor(options: {
    clock: Clock
    /** Sends `ping`, and resolves with its failure, if any. Never rejects. */
    ping: () => Promise<{ readonly failure?: unknown; readonly id?: unknown }>
    /** Whether the previous session was given up because of a refusal with which the server may answer every `ping`. */
    isDoubted: boolean
    /** A session was given up for that reason. */
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

  /** What the failure of a request means for the session. It takes the time of a `ping` if one is necessary. */
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

  /** Whether a refused `ping` shows that the session is lost. */
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

  /** The session has just been opened: if `ping` is refused now, a later refusal shows nothing. */
  async #learn(): Promise<void> {
    const pinged = await this.#pingOnce(undefined)
    if (pinged !== 'answered' && pinged !== 'silence') this.#hasPing = isPingAnswer(pinged)
  }

  /** Shares one `ping` between all requests that need it. */
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
