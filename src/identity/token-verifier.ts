import {
  type CryptoKey,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
  type JWTPayload,
  type JWTVerifyOptions,
  type JWTVerifyResult,
  decodeJwt,
  errors,
  jwtVerify,
} from 'jose'
import { LRUCache } from 'lru-cache'
import type { IssuerSettings } from '../config/issuers.ts'
import type { Clock } from '../domain/clock.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import { pathsFor } from './audience.ts'
import { type VerifiedToken, readClaims } from './claims/claims.ts'
import type { DisabledTenants } from './disabled-tenants.ts'
import type { KeySet } from './key-set.ts'
import type { RevokedGrants } from './own-issuer/revoked-grants.ts'

/** An issuer that is believed, and its keys. */
export interface TrustedIssuer {
  readonly settings: IssuerSettings
  readonly keys: KeySet
  /** How to get another token, said to those whose own is refused. */
  readonly hint?: string
  /** Present for the authorization server inside: tokens of its revoked grants are refused. */
  readonly revokedGrants?: RevokedGrants
}

/** A verified token, and the paths of the gateway that it is for (`isFor`); never none. */
export interface AcceptedToken extends VerifiedToken {
  readonly paths: readonly string[]
}

interface CachedToken {
  /** All of it, which has to be the same. */
  readonly token: string
  readonly verified: AcceptedToken
  /** Monotonic time at which the token is looked at again. */
  readonly until: number
}

const MAX_TOKEN_LENGTH = 8 * 1024
const CLOCK_TOLERANCE_SECONDS = 5
const ISSUED_AHEAD_SECONDS = 60
const CACHE_MS = 60_000
const CACHE_CHARACTERS = 16 * 1024 * 1024
/** Characters of the signature by which a token is found: V8 hashes the whole of a key, and each request brings a new string. */
const KEY_LENGTH = 32
/** Types of token that a bearer token can be (RFC 9068 §4, RFC 8725 §3.11): not a logout token or a DPoP proof. */
const TOKEN_TYPES = new Set(['jwt', 'application/jwt', 'at+jwt', 'application/at+jwt'])
/** Header parameters that bring a key, or say where one is (RFC 7515 §4.1). */
const KEY_HEADERS = ['jku', 'jwk', 'x5u', 'x5c'] as const
const ASYMMETRIC = /^(RS|PS|ES)(256|384|512)$|^EdDSA$|^Ed25519$/

/** Checks bearer tokens: JWTs of the trusted issuers, for this gateway's audience, within their lifetime. */
export class TokenVerifier {
  #issuers: ReadonlyMap<string, TrustedIssuer> = new Map()
  readonly #clock: Clock
  readonly #publicUrl: string | undefined
  readonly #disabled: Pick<DisabledTenants, 'check'> | undefined
  readonly #cache: LRUCache<string, CachedToken>

  /**
   * @param options.cacheSize how many verified tokens are remembered, each for at most 60 s and never beyond its expiry
   * @param options.publicUrl tokens whose audience is this URL or one below it are accepted too, for every issuer
   * @throws TypeError if two issuers have the same name, or one accepts a symmetric algorithm or none
   */
  constructor(options: {
    issuers: readonly TrustedIssuer[]
    clock: Clock
    publicUrl?: string
    /** Tokens of these tenants are refused. */
    disabled?: Pick<DisabledTenants, 'check'> | undefined
    cacheSize?: number
  }) {
    this.#disabled = options.disabled
    this.#clock = options.clock
    this.#publicUrl = options.publicUrl
    this.#cache = new LRUCache({
      max: options.cacheSize ?? 5000,
      maxSize: CACHE_CHARACTERS,
      sizeCalculation: ({ token }) => token.length,
    })
    this.setIssuers(options.issuers)
  }

  /**
   * Takes over the issuers that count from here on; what was verified before is looked at again.
   * @throws TypeError when two issuers have one name, or one accepts a symmetric algorithm or none
   */
  setIssuers(trusted: readonly TrustedIssuer[]): void {
    const issuers = new Map<string, TrustedIssuer>()
    for (const each of trusted) {
      const { issuer, algorithms } = each.settings
      if (issuers.has(issuer)) throw new TypeError(`the issuer ${issuer} is given twice`)
      const unfit = algorithms.find((algorithm) => !ASYMMETRIC.test(algorithm))
      if (unfit !== undefined) throw new TypeError(`the issuer ${issuer} must not use the algorithm ${unfit}`)
      issuers.set(issuer, each)
    }
    this.#issuers = issuers
    this.#cache.clear()
  }

  /**
   * What a token says, once it is proven.
   * @throws GatewayError `invalid_token`, its message saying which check failed; `keys_unavailable`; `tenant_disabled`
   */
  async verify(token: string): Promise<AcceptedToken> {
    const cached = this.cached(token)
    if (cached !== undefined) return cached
    if (token.length > MAX_TOKEN_LENGTH) throw refused('The token is longer than 8 KiB.')
    const trusted = this.#issuerOf(token)
    const payload = await this.#checked(token, trusted)
    const { audience } = trusted.settings
    const paths = pathsFor(payload.aud, { audience, publicUrl: this.#publicUrl })
    if (paths.length === 0) throw refused('The audience of the token is not this gateway.')
    const claims = withGrant(readClaims(payload, trusted.settings), payload, trusted.revokedGrants)
    this.checkTenant(claims.principal.tenantId)
    const verified = Object.freeze({ ...claims, paths: Object.freeze(paths) })
    this.#cache.set(cacheKeyOf(token), { token, verified, until: this.#clock.monotonic() + CACHE_MS })
    return verified
  }

  /** @throws GatewayError `tenant_disabled` for a tenant that is switched off */
  checkTenant(tenantId: string): void {
    this.#disabled?.check(tenantId)
  }

  /** How the tokens of an issuer are read; undefined for one that is not trusted. */
  settingsOf(issuer: string): IssuerSettings | undefined {
    return this.#issuers.get(issuer)?.settings
  }

  /** What a token says, if that was proven within the last minute; undefined says nothing about the token. */
  cached(token: string): AcceptedToken | undefined {
    const cached = this.#cache.get(cacheKeyOf(token))
    return cached?.token === token && this.#isCurrent(cached) ? cached.verified : undefined
  }

  #isCurrent(cached: CachedToken): boolean {
    const { expiresAtMs, grant } = cached.verified.principal
    return (
      this.#clock.monotonic() < cached.until && this.#clock.now() < expiresAtMs && grant?.isRevoked() !== true
    )
  }

  /** Reads the issuer before anything is proven: it only selects the keys and rules to prove it with. */
  #issuerOf(token: string): TrustedIssuer {
    let issuer: unknown
    try {
      issuer = decodeJwt(token).iss
    } catch (error) {
      throw asRefusal(error)
    }
    const trusted = typeof issuer === 'string' ? this.#issuers.get(issuer) : undefined
    if (trusted === undefined) throw refused('The issuer of the token is unknown.')
    return trusted
  }

  async #checked(token: string, { settings, keys, hint }: TrustedIssuer): Promise<JWTPayload> {
    try {
      const { payload, protectedHeader } = await verifySignature(token, keys, {
        algorithms: [...settings.algorithms],
        issuer: settings.issuer,
        requiredClaims: ['exp'],
        clockTolerance: CLOCK_TOLERANCE_SECONDS,
        currentDate: new Date(this.#clock.now()),
      })
      this.#checkTimes(payload, settings.maxTokenHours)
      const type = protectedHeader.typ
      if (type !== undefined && !TOKEN_TYPES.has(type.toLowerCase())) {
        throw refused('The token is not an access token.')
      }
      return payload
    } catch (error) {
      throw withHint(asRefusal(error), hint)
    }
  }

  #checkTimes({ exp = Infinity, iat }: JWTPayload, maxHours: number): void {
    const now = this.#clock.now() / 1000
    if (exp - (iat ?? now) > maxHours * 3600 + CLOCK_TOLERANCE_SECONDS)
      throw refused(`The lifetime of the token is longer than ${maxHours} h, which is the longest accepted.`)
    if (iat !== undefined && iat > now + ISSUED_AHEAD_SECONDS) {
      throw refused('The token was issued in the future.')
    }
  }
}

function cacheKeyOf(token: string): string {
  return token.slice(-KEY_LENGTH)
}

/** @throws GatewayError `invalid_token` when the grant of the token is missing or was revoked */
function withGrant(
  verified: VerifiedToken,
  { grant_id: id }: JWTPayload,
  revokedGrants: RevokedGrants | undefined,
): VerifiedToken {
  if (revokedGrants === undefined) return verified
  if (typeof id !== 'string') throw refused('The token belongs to no grant.')
  if (revokedGrants.has(id)) throw refused('What the token was granted has been revoked.')
  return { ...verified, principal: Object.freeze({ ...verified.principal, grant: revokedGrants.grant(id) }) }
}

async function verifySignature(
  token: string,
  keys: KeySet,
  options: JWTVerifyOptions,
): Promise<JWTVerifyResult> {
  const keyOf = (header: JWSHeaderParameters, jws: FlattenedJWSInput): Promise<CryptoKey> => {
    refuseOwnKeys(header)
    return keys.key(header, jws)
  }
  return await jwtVerify(token, keyOf, options)
}

/** Keys are those that the issuer publishes. A token that brings or names others means to be checked with them. */
function refuseOwnKeys(header: JWSHeaderParameters): void {
  const brought = KEY_HEADERS.find((name) => header[name] !== undefined)
  if (brought !== undefined) throw refused(`The token has the header ${brought}, which is not accepted.`)
}

function withHint(error: GatewayError, hint: string | undefined): GatewayError {
  if (hint === undefined || error.code !== 'invalid_token') return error
  return refused(`${error.message} ${hint}`, error.cause instanceof Error ? error.cause : undefined)
}

function refused(message: string, cause?: Error): GatewayError {
  return new GatewayError('invalid_token', message, { cause })
}

/** A failed check as its public answer. The cause repeats jose's text only, as its errors carry the claims. */
function asRefusal(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  if (error instanceof errors.JOSEError) {
    return refused(publicMessage(error), new Error(`${error.code}: ${error.message}`))
  }
  return refused(
    'The signature of the token cannot be verified.',
    error instanceof Error ? error : new Error(String(error)),
  )
}

const MESSAGES: Readonly<Record<string, string>> = {
  ERR_JWT_EXPIRED: 'The token has expired.',
  ERR_JWS_SIGNATURE_VERIFICATION_FAILED: 'The signature of the token is wrong.',
  ERR_JWKS_NO_MATCHING_KEY: 'The token is signed with a key that its issuer does not publish.',
  ERR_JWKS_MULTIPLE_MATCHING_KEYS:
    'The token does not name its key (kid), and its issuer publishes several that it could be.',
  ERR_JOSE_ALG_NOT_ALLOWED: 'The signature algorithm of the token is not accepted.',
  ERR_JOSE_NOT_SUPPORTED: 'The token uses a signature algorithm or extension that is not supported.',
}
const CLAIM_MESSAGES: Readonly<Record<string, string>> = {
  aud: 'The audience of the token is not this gateway.',
  nbf: 'The token is not valid yet.',
  exp: 'The token has no valid expiration time.',
  iat: 'The token has no valid time of issue.',
}
const MALFORMED = 'The token is not a well-formed JWT.'

function publicMessage(error: errors.JOSEError): string {
  if (error instanceof errors.JWTClaimValidationFailed) return CLAIM_MESSAGES[error.claim] ?? MALFORMED
  return MESSAGES[error.code] ?? MALFORMED
}
