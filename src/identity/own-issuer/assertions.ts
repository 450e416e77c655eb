import { randomUUID } from 'node:crypto'
import { importJWK, type JWK, SignJWT } from 'jose'
import type { Clock } from '../../domain/clock.ts'
import type { Principal } from '../../domain/principal.ts'
import type { SigningKeys } from './signing-keys.ts'

/** The issuer of assertions below PUBLIC_URL, and where its keys are published. */
export const ASSERTION_PATHS = {
  issuer: '/assertions',
  metadata: '/assertions/.well-known/openid-configuration',
  jwks: '/assertions/jwks',
} as const

/** The subject of assertions that are about no caller. */
const GATEWAY = 'tool-gateway'

/** About whom an assertion is: a caller, or the gateway itself, for a tenant. */
export type AssertionSubject = Pick<Principal, 'tenantId' | 'subject' | 'agent'>

/** The gateway itself as the subject of an assertion. */
export function gatewayItself(tenantId: string): AssertionSubject {
  return { tenantId, subject: GATEWAY, agent: undefined }
}

/**
 * Signed statements of the gateway about who calls (RFC 7519), for servers that trust it. The keys sign nothing else,
 * so that no assertion is ever a token for the gateway.
 */
export class Assertions {
  readonly issuer: string
  readonly #keys: SigningKeys
  readonly #clock: Clock

  constructor(options: { publicUrl: string; keys: SigningKeys; clock: Clock }) {
    this.issuer = `${options.publicUrl}${ASSERTION_PATHS.issuer}`
    this.#keys = options.keys
    this.#clock = options.clock
  }

  /** A JWT that names tenant, subject and agent. @throws GatewayError `state_unavailable` */
  async sign(
    { tenantId, subject, agent }: AssertionSubject,
    { audience, lifetimeSeconds }: { readonly audience: string; readonly lifetimeSeconds: number },
  ): Promise<string> {
    const [key] = await this.#keys.current()
    if (key === undefined) throw new TypeError('there is always a key')
    const now = Math.floor(this.#clock.now() / 1000)
    return await new SignJWT({ tenant_id: tenantId, ...(agent !== undefined && { agent }) })
      .setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid: key.kid })
      .setIssuer(this.issuer)
      .setSubject(subject)
      .setAudience(audience)
      .setIssuedAt(now)
      .setExpirationTime(now + lifetimeSeconds)
      .setJti(randomUUID())
      .sign(await importJWK(key.jwk, 'ES256'))
  }

  /** The keys to verify assertions with. @throws GatewayError `state_unavailable` */
  async publicKeys(): Promise<{ keys: JWK[] }> {
    return { keys: await this.#keys.published() }
  }
}
