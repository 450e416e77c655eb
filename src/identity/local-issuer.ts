import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import type { CryptoKey, JWK } from 'jose'
// Part by part: the command line loads this, and the whole takes twice as long.
import { calculateJwkThumbprint } from 'jose/jwk/thumbprint'
import { createLocalJWKSet } from 'jose/jwks/local'
import { SignJWT } from 'jose/jwt/sign'
import { exportJWK } from 'jose/key/export'
import { generateKeyPair } from 'jose/key/generate/keypair'
import { importJWK } from 'jose/key/import'
import { readOrCreatePrivateFile } from '../files/private-file.ts'
import type { IssuerSettings } from '../config/issuers.ts'
import type { Clock } from '../domain/clock.ts'
import { isJsonObject } from '../domain/json/json.ts'
import { OWN_TENANT_TEXT, TENANT_ID } from '../domain/principal.ts'
import type { KeySet } from './key-set.ts'
import { LOCAL_ISSUER, LOCAL_KEY_FILE } from './local-names.ts'

const MAX_LOCAL_HOURS = 30 * 24
const MAX_LOCAL_TTL_MS = MAX_LOCAL_HOURS * 3_600_000

/** How tokens of the local issuer are checked. */
export const LOCAL_ISSUER_SETTINGS: IssuerSettings = {
  issuer: LOCAL_ISSUER,
  audience: LOCAL_ISSUER,
  tenants: '*',
  algorithms: ['ES256'],
  maxTokenHours: MAX_LOCAL_HOURS,
  claims: { tenant: 'tenant_id', roles: 'roles', scope: 'scope', agent: 'agent', agents: 'agents' },
}

/** Whom a local token is for. */
export interface LocalTokenRequest {
  readonly tenantId: string
  readonly subject: string
  readonly roles: readonly string[]
  readonly scopes?: readonly string[]
  readonly agent?: string
  /** Further agents that the caller may act as. */
  readonly agents?: readonly string[]
  readonly ttlMs: number
}

/** The issuer that stands in for an identity provider in the embedded mode. */
export class LocalIssuer {
  /** The public key, to verify tokens with. */
  readonly keys: KeySet
  readonly #privateKey: CryptoKey
  readonly #keyId: string
  readonly #clock: Clock

  private constructor(options: { privateKey: CryptoKey; publicJwk: JWK; keyId: string; clock: Clock }) {
    this.#privateKey = options.privateKey
    this.#keyId = options.keyId
    this.#clock = options.clock
    const resolve = createLocalJWKSet({ keys: [{ ...options.publicJwk, kid: options.keyId, alg: 'ES256' }] })
    this.keys = { key: (header, token) => resolve(header, token) }
  }

  /**
   * Opens the issuer whose key is in `dir`; the key is made the first time, readable by this user only.
   * @throws Error when the key file is damaged or can be read by other users
   */
  static async open(options: { dir: string; clock: Clock }): Promise<LocalIssuer> {
    const path = join(options.dir, LOCAL_KEY_FILE)
    const text = await readOrCreatePrivateFile(path, newKey)
    try {
      const { d, ...publicJwk } = storedKey(JSON.parse(text))
      const privateKey = await importJWK({ ...publicJwk, d }, 'ES256')
      if (privateKey instanceof Uint8Array) throw new TypeError('not a key pair')
      const keyId = await calculateJwkThumbprint(publicJwk)
      return new LocalIssuer({ privateKey, publicJwk, keyId, clock: options.clock })
    } catch (cause) {
      throw new Error(
        `${path} is not a signing key of the local issuer. Remove it to create a new one; tokens signed with the old key are then rejected.`,
        { cause },
      )
    }
  }

  /** A signed token. @throws RangeError when the tenant id or the lifetime (1 s to 30 days) is out of bounds */
  async issue(request: LocalTokenRequest): Promise<string> {
    const { tenantId, subject, roles, scopes = [], agent, agents, ttlMs } = request
    if (!TENANT_ID.test(tenantId)) throw new RangeError(`the tenant: ${OWN_TENANT_TEXT}`)
    if (subject === '') throw new RangeError('the subject must not be empty')
    if (!(ttlMs >= 1000 && ttlMs <= MAX_LOCAL_TTL_MS)) {
      throw new RangeError('the lifetime must be from 1 second to 30 days')
    }
    const issuedAt = Math.floor(this.#clock.now() / 1000)
    const claims = {
      tenant_id: tenantId,
      roles: [...roles],
      ...(scopes.length > 0 && { scope: scopes.join(' ') }),
      ...(agent !== undefined && { agent }),
      ...(agents !== undefined && { agents: [...agents] }),
    }
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', kid: this.#keyId, typ: 'at+jwt' })
      .setIssuer(LOCAL_ISSUER)
      .setAudience(LOCAL_ISSUER)
      .setSubject(subject)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + Math.floor(ttlMs / 1000))
      .setJti(randomUUID())
      .sign(this.#privateKey)
  }
}

function storedKey(value: unknown): { kty: 'EC'; crv: 'P-256'; x: string; y: string; d: string } {
  const { kty, crv, x, y, d } = isJsonObject(value) ? value : {}
  const isWhole = typeof x === 'string' && typeof y === 'string' && typeof d === 'string'
  if (kty !== 'EC' || crv !== 'P-256' || !isWhole) throw new TypeError('not a key pair')
  return { kty, crv, x, y, d }
}

async function newKey(): Promise<string> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  return `${JSON.stringify(await exportJWK(privateKey))}\n`
}
