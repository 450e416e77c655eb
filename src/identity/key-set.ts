import {
  type CryptoKey,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
  type LocalJWKSet,
  createLocalJWKSet,
  errors,
} from 'jose'
import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { Outbound } from '../outbound/outbound.ts'
import type { Logger } from '../telemetry/logger.ts'
import { fetchJwks } from './jwks-endpoint.ts'

/** The keys of one issuer. */
export interface KeySet {
  /**
   * The one key that a token's header means.
   * @throws JOSEError when no key, or more than one, fits; GatewayError `keys_unavailable`
   */
  key(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey>
}

const MINUTE = 60_000
/** Keys older than this are renewed in the background. */
const RENEW_AFTER_MS = 5 * MINUTE
/** Keys older than this are renewed before they are used, so that a withdrawn key ends here. */
const STALE_AFTER_MS = 10 * MINUTE
/** How long the last good keys serve while they cannot be renewed. */
const LAST_GOOD_MS = 24 * 60 * MINUTE
/** Least time between two requests to the endpoint, and after a failure while there are no keys at all. */
const COOLDOWN_MS = 30_000
const COLD_COOLDOWN_MS = 2000
const TIMEOUT_MS = 1500

/** The keys that an issuer publishes over HTTP: fetched when first needed, one request at a time. */
export class RemoteKeySet implements KeySet {
  readonly #issuer: string
  readonly #jwksUrl: string | undefined
  readonly #outbound: Outbound
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #closed = new AbortController()
  #current: { readonly keys: LocalJWKSet; readonly fetchedAt: number } | undefined
  #fetching: Promise<void> | undefined
  #nextFetchAt = -Infinity
  #lastFetchFailed = false

  /**
   * @param options.jwksUrl where the keys are; found by the issuer's discovery document if absent
   * @param options.outbound where they may be; by default anywhere
   */
  constructor(options: {
    issuer: string
    jwksUrl?: string | undefined
    outbound?: Outbound
    clock: Clock
    logger: Logger
  }) {
    this.#issuer = options.issuer
    this.#jwksUrl = options.jwksUrl
    this.#outbound = options.outbound ?? new Outbound()
    this.#clock = options.clock
    this.#logger = options.logger
  }

  async key(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    await this.#renew()
    const keys = this.#usableKeys()
    try {
      return await keys(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
      await this.#fetchIfDue()
      const renewed = this.#usableKeys()
      if (renewed !== keys) return await renewed(header, token)
      // The key may be a new one that could not be fetched: that is no fault of the token.
      throw this.#lastFetchFailed ? this.#unavailable() : error
    }
  }

  /** Gives up a fetch under way. Idempotent. */
  close(): void {
    this.#closed.abort()
  }

  async #renew(): Promise<void> {
    const age = this.#age()
    if (age > STALE_AFTER_MS) await this.#fetchIfDue()
    else if (age > RENEW_AFTER_MS) void this.#fetchIfDue()
  }

  #age(): number {
    return this.#current === undefined ? Infinity : this.#clock.monotonic() - this.#current.fetchedAt
  }

  #usableKeys(): LocalJWKSet {
    if (this.#current === undefined || this.#age() > LAST_GOOD_MS) throw this.#unavailable()
    return this.#current.keys
  }

  #unavailable(): GatewayError {
    const retryAfterMs = Math.max(this.#nextFetchAt - this.#clock.monotonic(), 1000)
    return new GatewayError('keys_unavailable', undefined, { facts: { retryAfterMs } })
  }

  /** Never rejects. */
  #fetchIfDue(): Promise<void> {
    if (this.#fetching !== undefined) return this.#fetching
    if (this.#closed.signal.aborted || this.#clock.monotonic() < this.#nextFetchAt) return Promise.resolve()
    this.#fetching = this.#fetch().finally(() => {
      this.#fetching = undefined
    })
    return this.#fetching
  }

  async #fetch(): Promise<void> {
    const timeout = new AbortController()
    const cancel = this.#clock.after(TIMEOUT_MS, () =>
      timeout.abort(new Error(`no response within ${TIMEOUT_MS} ms`)),
    )
    try {
      const signal = AbortSignal.any([timeout.signal, this.#closed.signal])
      const jwks = await fetchJwks({ issuer: this.#issuer, jwksUrl: this.#jwksUrl }, this.#outbound, signal)
      this.#current = { keys: createLocalJWKSet(jwks), fetchedAt: this.#clock.monotonic() }
      this.#lastFetchFailed = false
    } catch (error) {
      this.#lastFetchFailed = true
      if (!this.#closed.signal.aborted) {
        this.#logger.warn({ issuer: this.#issuer, err: error }, 'the signing keys could not be fetched')
      }
    } finally {
      cancel()
      const cold = this.#lastFetchFailed && this.#age() > LAST_GOOD_MS
      this.#nextFetchAt = this.#clock.monotonic() + (cold ? COLD_COOLDOWN_MS : COOLDOWN_MS)
    }
  }
}
