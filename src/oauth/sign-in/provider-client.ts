import type * as OpenidClient from 'openid-client'
import { LRUCache } from 'lru-cache'
import type { IssuerSettings } from '../../config/issuers.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import type { Clock } from '../../domain/clock.ts'

/** What is loaded when the first person signs in. */
export type Openid = typeof OpenidClient

/** An identity provider that people sign in with. */
export interface SignInProvider {
  readonly issuer: IssuerSettings
  readonly clientId: string
  /** Undefined for a public client. */
  readonly clientSecret: () => Promise<string | undefined>
  readonly scopes: string
  /** Roles by the name of a group; undefined: what the claim says are roles. */
  readonly roles: Readonly<Record<string, readonly string[]>> | undefined
  /** The end of its redirect URI, and of no other provider's: answers of one are never taken for another's. */
  readonly key: string
}

const KEPT_MS = 10 * 60_000
const TIMEOUT_SECONDS = 5
const MAX_PROVIDERS = 1000
const MAX_BYTES = 1024 * 1024

/** The metadata of identity providers, looked up when they are needed, and again after ten minutes. */
export class ProviderClients {
  readonly #configurations: LRUCache<string, Promise<OpenidClient.Configuration>>
  readonly #loadedAt = new WeakMap<Promise<OpenidClient.Configuration>, number>()
  readonly #clock: Clock
  readonly #outboundOf: (issuer: IssuerSettings) => Outbound

  /** @param options.outboundOf what requests to an issuer are sent with */
  constructor(options: { outboundOf: (issuer: IssuerSettings) => Outbound; clock: Clock }) {
    this.#clock = options.clock
    this.#outboundOf = options.outboundOf
    this.#configurations = new LRUCache({ max: MAX_PROVIDERS })
  }

  /** @throws Error when the provider does not answer, or its metadata is not that of this issuer */
  async of(openid: Openid, provider: SignInProvider): Promise<OpenidClient.Configuration> {
    const secret = await provider.clientSecret()
    const key = JSON.stringify([provider.issuer.issuer, provider.clientId, secret])
    const known = this.#configurations.get(key)
    if (known !== undefined && this.#clock.monotonic() - (this.#loadedAt.get(known) ?? 0) < KEPT_MS)
      return await known
    const configuration = discover(openid, provider, { secret, outbound: this.#outboundOf(provider.issuer) })
    this.#configurations.set(key, configuration)
    this.#loadedAt.set(configuration, this.#clock.monotonic())
    try {
      return await configuration
    } catch (error) {
      if (this.#configurations.get(key) === configuration) this.#configurations.delete(key)
      throw error
    }
  }
}

async function discover(
  openid: Openid,
  { issuer: { issuer }, clientId }: SignInProvider,
  { secret, outbound }: { secret: string | undefined; outbound: Outbound },
): Promise<OpenidClient.Configuration> {
  const authentication = secret === undefined ? openid.None() : openid.ClientSecretPost(secret)
  // The settings accept http for loopback only.
  const isPlain = issuer.startsWith('http:')
  return await openid.discovery(new URL(issuer), clientId, undefined, authentication, {
    timeout: TIMEOUT_SECONDS,
    [openid.customFetch]: (url, { method, headers, body, signal }) =>
      outbound.fetch(url, {
        method,
        headers,
        signal,
        maxBytes: MAX_BYTES,
        // What it sends are forms.
        ...(body instanceof URLSearchParams && { body: body.toString() }),
      }),
    ...(isPlain && { execute: [openid.allowInsecureRequests] }),
  })
}
