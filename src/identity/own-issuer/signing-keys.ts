import { randomUUID } from 'node:crypto'
import type { JWK } from 'jose'
import { createLocalJWKSet, exportJWK, generateKeyPair } from 'jose'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import { Sealing } from '../../domain/seal/sealing.ts'
import { changeEntry } from '../../state/change-entry.ts'
import type { StateStore } from '../../state/state-store.ts'
import type { KeySet } from '../key-set.ts'

const COLLECTION = 'oauth-keys'
const DAY_MS = 86_400_000
/** A key signs for this long, and verifies for as long again. */
const ROTATE_AFTER_MS = 30 * DAY_MS
/** Another replica may have rotated. */
const RELOAD_AFTER_MS = 60_000
const RELOAD_FOR_UNKNOWN_MS = 1000

const signingKey = z.object({
  kid: z.string(),
  createdAt: z.number(),
  jwk: z.object({
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    x: z.string(),
    y: z.string(),
    d: z.string(),
  }),
})
const storedKeys = z.array(signingKey).min(1).max(2)

/** A private key of the authorization server. */
export type SigningKey = z.output<typeof signingKey>

interface Loaded {
  /** The current one first, then the previous one. */
  readonly keys: readonly SigningKey[]
  readonly resolve: ReturnType<typeof createLocalJWKSet>
  readonly loadedAt: number
}

/** What keys sign: tokens of the authorization server inside, or assertions for servers. */
type SigningUse = 'signing' | 'assertions'

/**
 * The keys that the gateway signs something with, the same for all replicas, sealed in the state store. A new
 * one is made every 30 days; the one before it still verifies until the next. Nothing is read before the first use.
 */
export class SigningKeys implements KeySet {
  readonly #store: StateStore
  readonly #sealing: Sealing
  readonly #clock: Clock
  readonly #use: SigningUse
  #loaded: Loaded | undefined
  #loading: Promise<Loaded> | undefined

  /** @param options.use tokens of the authorization server by default */
  constructor(options: { store: StateStore; stateKeys: KeyRing; clock: Clock; use?: SigningUse }) {
    this.#store = options.store
    this.#use = options.use ?? 'signing'
    this.#sealing = new Sealing(options.stateKeys, `${this.#use} keys`)
    this.#clock = options.clock
  }

  /** The keys, the one to sign with first. @throws GatewayError `state_unavailable` */
  async current(): Promise<readonly SigningKey[]> {
    return (await this.#fresh(RELOAD_AFTER_MS)).keys
  }

  /** The public keys, as a key set has them. @throws GatewayError `state_unavailable` */
  async published(): Promise<JWK[]> {
    return (await this.current()).map(publicKey)
  }

  /** @throws GatewayError `invalid_token` for what is not an access token, such as an ID token */
  async key(
    header: Parameters<KeySet['key']>[0],
    token: Parameters<KeySet['key']>[1],
  ): ReturnType<KeySet['key']> {
    if (header.typ !== 'at+jwt') throw new GatewayError('invalid_token', 'The token is not an access token.')
    const isKnown = (await this.#fresh(RELOAD_AFTER_MS)).keys.some(({ kid }) => kid === header.kid)
    const { resolve } = await this.#fresh(isKnown ? RELOAD_AFTER_MS : RELOAD_FOR_UNKNOWN_MS)
    return await resolve(header, token)
  }

  async #fresh(maxAgeMs: number): Promise<Loaded> {
    const now = this.#clock.monotonic()
    if (this.#loaded !== undefined && now - this.#loaded.loadedAt < maxAgeMs) return this.#loaded
    this.#loading ??= this.#load().finally(() => (this.#loading = undefined))
    const before = this.#loaded
    // Keys that were good a moment ago are better than none while the store does not answer.
    return await (before === undefined ? this.#loading : this.#loading.catch(() => before))
  }

  async #load(): Promise<Loaded> {
    // Where another replica is first, its keys count.
    const keys = await changeEntry(this.#store, { collection: COLLECTION, key: this.#use }, async (entry) => {
      const known = entry === undefined ? [] : this.#opened(entry.value)
      const [newest] = known
      const isYoung = newest !== undefined && this.#clock.now() - newest.createdAt < ROTATE_AFTER_MS
      if (isYoung) return { result: known }
      const next = [await newKey(this.#clock.now()), ...known.slice(0, 1)]
      return { result: next, write: { value: this.#sealing.seal(JSON.stringify(next), this.#use) } }
    })
    return this.#take(keys)
  }

  #opened(sealed: string): SigningKey[] {
    const text = this.#sealing.open(sealed, this.#use)
    // Sealed with another STATE_KEY: what was signed with them cannot be verified any more.
    return text === undefined ? [] : storedKeys.parse(JSON.parse(text))
  }

  #take(keys: readonly SigningKey[]): Loaded {
    const resolve = createLocalJWKSet({ keys: keys.map(publicKey) })
    this.#loaded = { keys, resolve, loadedAt: this.#clock.monotonic() }
    return this.#loaded
  }
}

function publicKey({ kid, jwk: { kty, crv, x, y } }: SigningKey): JWK {
  return { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' }
}

async function newKey(createdAt: number): Promise<SigningKey> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return signingKey.parse({ kid: randomUUID(), createdAt, jwk: await exportJWK(privateKey) })
}
