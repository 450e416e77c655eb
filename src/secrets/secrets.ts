import { createHash } from 'node:crypto'
import { type Clock, sleep } from '../domain/clock.ts'
import { type SecretReference, SecretRefused } from '../domain/documents/secret-reference.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { SecretsSource, SecretVersion } from './secrets-source.ts'

const MAX_STALE_MS = 3_600_000
const NEGATIVE_MS = 10_000
/** Parts of the TTL: how often secrets in use are looked over, and the age at which one is read again. */
const LOOK_PART = 0.1
const REFRESH_PART = 0.8
/** Time between the tries of one reading, as long as nothing has taken longer than this in total. */
const RETRY_MS = [100, 400]
const PATIENCE_MS = 1000

/** What happens to secrets in use while the gateway runs. */
export interface SecretsEvents {
  /** The value is another one than was given out before. */
  readonly onRotated: (reference: SecretReference) => void
  /** The secret is available again after it was refused to a server. */
  readonly onRecovered: (reference: SecretReference) => void
}

interface Entry {
  readonly reference: SecretReference
  value: string | undefined
  /** Digest of the value that was read last; it outlives a value that may not be used any more. */
  digest: string | undefined
  /** When the value was last read, on the monotonic clock. */
  readAt: number
  refusal: SecretRefused | undefined
  refusedAt: number
  /** Whether it was refused to a server since it was last available. */
  wasRefused: boolean
  reading: Promise<void> | undefined
}

/**
 * The secrets of the registry, cached: concurrent readings of one are one, a value is good for the TTL and, while the
 * source does not answer, for an hour. An answer that it is gone or forbidden counts at once, for 10 s. Secrets in
 * use are read again in the background. No value leaves but to who resolves it.
 */
export class Secrets {
  readonly #source: SecretsSource
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #random: () => number
  readonly #events: SecretsEvents
  readonly #ttlMs: number
  readonly #life = new AbortController()
  readonly #entries = new Map<string, Entry>()
  #inUse: ReadonlySet<string> = new Set()
  /** Until this time only cached secrets are used, because the source failed to answer. */
  #downUntil = 0
  #lookingOver: Promise<void> = Promise.resolve()
  #cancelLook: () => void = () => {}

  constructor(options: {
    source: SecretsSource
    clock: Clock
    logger: Logger
    random: () => number
    events: SecretsEvents
    /** How long a value is good for, and at the latest after which time a new one is noticed. */
    ttlMs: number
  }) {
    this.#source = options.source
    this.#clock = options.clock
    this.#logger = options.logger
    this.#random = options.random
    this.#events = options.events
    this.#ttlMs = options.ttlMs
  }

  /** Starts reading again in the background. Asks for nothing yet. */
  start(): void {
    this.#source.watch?.(() => {
      this.#downUntil = 0
      this.#lookOver(0)
    })
    this.#lookLater()
  }

  /** @throws SecretRefused */
  async resolve(reference: SecretReference): Promise<string> {
    const entry = this.#entry(reference)
    if (!this.#isFresh(entry) && !this.#isRefused(entry)) await this.#read(entry)
    if (entry.value === undefined) throw this.#refusalOf(entry)
    return entry.value
  }

  /** Says which secrets the registry names now; all others are forgotten. */
  setInUse(references: Iterable<SecretReference>): void {
    const present = new Map([...references].map((reference) => [reference.text, reference]))
    this.#inUse = new Set(present.keys())
    for (const text of this.#entries.keys()) if (!present.has(text)) this.#entries.delete(text)
  }

  /** Secrets by state, for a gauge: `stale` ones are past their time because the source does not answer. */
  counts(): { fresh: number; stale: number; refused: number } {
    const entries = [...this.#entries.values()]
    const fresh = entries.filter((entry) => this.#isFresh(entry)).length
    const held = entries.filter(({ value }) => value !== undefined).length
    return {
      fresh,
      stale: held - fresh,
      refused: entries.filter(({ refusal }) => refusal !== undefined).length,
    }
  }

  async close(): Promise<void> {
    this.#life.abort()
    this.#cancelLook()
    await this.#source.close()
    await this.#lookingOver
  }

  #entry(reference: SecretReference): Entry {
    const known = this.#entries.get(reference.text)
    if (known !== undefined) return known
    const entry: Entry = {
      reference,
      value: undefined,
      digest: undefined,
      readAt: 0,
      refusal: undefined,
      refusedAt: 0,
      wasRefused: false,
      reading: undefined,
    }
    this.#entries.set(reference.text, entry)
    return entry
  }

  #ageOf(entry: Entry): number {
    return this.#clock.monotonic() - entry.readAt
  }

  #isFresh(entry: Entry): boolean {
    return entry.value !== undefined && this.#ageOf(entry) < this.#ttlMs
  }

  /** Asked a moment ago, in vain. */
  #isRefused({ refusal, refusedAt }: Entry): boolean {
    return refusal !== undefined && this.#clock.monotonic() - refusedAt < NEGATIVE_MS
  }

  #refusalOf(entry: Entry): SecretRefused {
    entry.wasRefused = true
    return (
      entry.refusal ?? new SecretRefused(entry.reference, 'unavailable', 'it cannot be read at the moment')
    )
  }

  #read(entry: Entry): Promise<void> {
    entry.reading ??= this.#readOnce(entry).finally(() => {
      entry.reading = undefined
    })
    return entry.reading
  }

  async #readOnce(entry: Entry): Promise<void> {
    try {
      this.#take(entry, await this.#ask(entry.reference))
    } catch (error) {
      const refusal =
        error instanceof SecretRefused
          ? error
          : new SecretRefused(entry.reference, 'unavailable', 'reading it failed in the gateway')
      this.#refuse(entry, refusal)
    }
  }

  /** Asks the source, a few times in quick succession while it does not answer. */
  async #ask(reference: SecretReference): Promise<SecretVersion> {
    const startedAt = this.#clock.monotonic()
    if (startedAt < this.#downUntil) {
      throw new SecretRefused(reference, 'unavailable', 'the source of the secrets does not respond')
    }
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.#source.read(reference)
      } catch (error) {
        if (!(error instanceof SecretRefused) || error.problem !== 'unavailable') throw error
        const delayMs = RETRY_MS[tries]
        const spentMs = this.#clock.monotonic() - startedAt
        if (delayMs === undefined || spentMs > PATIENCE_MS || this.#life.signal.aborted) {
          this.#downUntil = this.#clock.monotonic() + PATIENCE_MS
          throw error
        }
        await sleep(this.#clock, delayMs * (0.5 + this.#random()), this.#life.signal)
      }
    }
  }

  #take(entry: Entry, { value: kept, version }: SecretVersion): void {
    // Tools that write secrets end them like a line of text.
    const value = kept.replace(/\r?\n$/, '')
    const { reference, digest: before, wasRefused } = entry
    if (value === '' || value.includes('\0')) {
      throw new SecretRefused(
        reference,
        'invalid',
        value === '' ? 'its value is empty' : 'its value contains a NUL character',
      )
    }
    entry.value = value
    entry.digest = createHash('sha256').update(value).digest('base64')
    entry.readAt = this.#clock.monotonic()
    entry.refusal = undefined
    entry.wasRefused = false
    if (before !== undefined && before !== entry.digest) {
      this.#tell(entry, version, 'a secret has a new value', this.#events.onRotated)
    } else if (wasRefused) {
      this.#tell(entry, version, 'secret is available again', this.#events.onRecovered)
    }
  }

  /** What others make of the news must not count as a failure to read the secret. */
  #tell(
    entry: Entry,
    version: string | undefined,
    news: string,
    listener: (reference: SecretReference) => void,
  ): void {
    if (this.#life.signal.aborted || !this.#isInUse(entry)) return
    const { reference } = entry
    this.#logger.info({ reference: reference.text, version }, news)
    try {
      listener(reference)
    } catch (error) {
      this.#logger.error({ reference: reference.text, err: error }, 'acting on a changed secret failed')
    }
  }

  #refuse(entry: Entry, refusal: SecretRefused): void {
    const isOutage = refusal.problem === 'unavailable'
    const holds = isOutage && entry.value !== undefined && this.#ageOf(entry) < MAX_STALE_MS
    if (entry.refusal?.message !== refusal.message) {
      this.#logger.warn({ reason: refusal.message, stale: holds }, 'secret is unavailable')
    }
    entry.refusal = refusal
    entry.refusedAt = this.#clock.monotonic()
    if (!holds) entry.value = undefined
  }

  #isInUse(entry: Entry): boolean {
    const { text } = entry.reference
    return this.#inUse.has(text) && this.#entries.get(text) === entry
  }

  #lookLater(): void {
    if (this.#life.signal.aborted) return
    this.#cancelLook = this.#clock.after(this.#ttlMs * LOOK_PART * (0.9 + 0.2 * this.#random()), () => {
      this.#lookOver(this.#ttlMs * REFRESH_PART)
      this.#lookLater()
    })
  }

  /** Reads the secrets in use again that are at least that old, and those that are unavailable. */
  #lookOver(minAgeMs: number): void {
    this.#lookingOver = this.#lookingOver.then(() => this.#readAgain(minAgeMs))
  }

  async #readAgain(minAgeMs: number): Promise<void> {
    for (const entry of this.#entries.values()) {
      const isDue = this.#ageOf(entry) >= minAgeMs || entry.refusal !== undefined
      if (!isDue || this.#life.signal.aborted || !this.#isInUse(entry)) continue
      await entry.reading
      await this.#read(entry)
      // One after the other, and not all of them if the source does not answer.
      if (entry.refusal?.problem === 'unavailable') return
    }
  }
}
