import type { IssuerSettings } from '../config/issuers.ts'
import type { Clock } from '../domain/clock.ts'
import { Outbound } from '../outbound/outbound.ts'
import type { Logger } from '../telemetry/logger.ts'
import { DisabledTenants } from './disabled-tenants.ts'
import { RemoteKeySet } from './key-set.ts'
import { LOCAL_ISSUER_SETTINGS, type LocalIssuer } from './local-issuer.ts'
import { type TrustedIssuer, TokenVerifier } from './token-verifier.ts'

const LOCAL_HINT = 'Create a new one with "tool-gateway token".'

interface RemoteIssuer {
  readonly settings: IssuerSettings
  readonly keys: RemoteKeySet
}

/**
 * The issuers whose tokens count: those of the gateway itself, those of the settings, and those that tenants name, which change
 * while the gateway runs. Keys of an issuer that did not change are kept.
 */
export class TrustedIssuers {
  readonly verifier: TokenVerifier
  /** Tokens of these tenants are refused, regardless of the issuer. */
  readonly disabled = new DisabledTenants()
  readonly #fixed: readonly IssuerSettings[]
  readonly #own: TrustedIssuer | undefined
  readonly #local: readonly TrustedIssuer[]
  readonly #clock: Clock
  readonly #logger: Logger
  readonly #outbound: Outbound
  /** The operator of the gateway says where the issuers of the settings are. */
  readonly #anywhere = new Outbound({ isOfOperator: true })
  #remote = new Map<string, RemoteIssuer>()

  constructor(options: {
    issuers: readonly IssuerSettings[]
    localIssuer: LocalIssuer | undefined
    /** The authorization server inside, if it is on. */
    own?: TrustedIssuer | undefined
    /** Tokens for it and for what is below it are accepted, too. */
    publicUrl: string
    /** Where the issuers of tenants may be; by default anywhere. */
    outbound?: Outbound
    clock: Clock
    logger: Logger
  }) {
    this.#fixed = options.issuers
    this.#clock = options.clock
    this.#logger = options.logger
    this.#outbound = options.outbound ?? this.#anywhere
    this.#own = options.own
    this.#local =
      options.localIssuer === undefined
        ? []
        : [{ settings: LOCAL_ISSUER_SETTINGS, keys: options.localIssuer.keys, hint: LOCAL_HINT }]
    this.verifier = new TokenVerifier({
      issuers: [],
      clock: options.clock,
      publicUrl: options.publicUrl,
      disabled: this.disabled,
    })
    this.setTenantIssuers([])
  }

  /**
   * Names of the issuers that clients can get tokens from: the authorization server inside alone where it is on, because
   * clients take the first, and it is there to give them what most others lack.
   */
  get authorizationServers(): string[] {
    if (this.#own !== undefined) return [this.#own.settings.issuer]
    return [...this.#remote.values()].map(({ settings }) => settings.issuer)
  }

  /** The identity providers that people sign in with. */
  get signInIssuers(): readonly IssuerSettings[] {
    return [...this.#remote.values()].flatMap(({ settings }) =>
      settings.signIn === undefined ? [] : [settings],
    )
  }

  /**
   * Takes over the issuers that tenants name now, and the tenants that are switched off. Tokens of an issuer that is gone
   * count no more.
   */
  setTenantIssuers(issuers: readonly IssuerSettings[], disabledTenants: Iterable<string> = []): void {
    this.disabled.set(disabledTenants)
    const before = this.#remote
    this.#remote = new Map(
      [...this.#fixed, ...issuers].map((settings) => {
        const key = JSON.stringify([settings.issuer, settings.jwksUrl])
        const keys = before.get(key)?.keys ?? this.#open(settings)
        before.delete(key)
        return [key, { settings, keys }]
      }),
    )
    const own = this.#own === undefined ? [] : [this.#own]
    this.verifier.setIssuers([...this.#local, ...own, ...this.#remote.values()])
    for (const { keys } of before.values()) keys.close()
  }

  /** Warns if no issuer is trusted, because then every request is refused. */
  warnIfNone(): void {
    if (this.#local.length + this.#remote.size > 0) return
    this.#logger.warn(
      'no identity provider is set, so every request is rejected: set OIDC_ISSUER, or name an issuer in the document of a tenant',
    )
  }

  close(): void {
    for (const { keys } of this.#remote.values()) keys.close()
    void this.#anywhere.close()
  }

  /** What requests to an issuer are sent with. */
  outboundOf(settings: IssuerSettings): Outbound {
    return this.#fixed.includes(settings) ? this.#anywhere : this.#outbound
  }

  #open(settings: IssuerSettings): RemoteKeySet {
    const { issuer, jwksUrl } = settings
    const outbound = this.outboundOf(settings)
    return new RemoteKeySet({ issuer, jwksUrl, outbound, clock: this.#clock, logger: this.#logger })
  }
}
