import { createHmac } from 'node:crypto'
import { exportSPKI, importJWK } from 'jose'
import { IdentityProvider, newSigningKey, type SigningKey } from '../../support/identity-provider.ts'

/** What is odd about a token; everything else is as it should be. */
export interface TokenSpec {
  readonly of?: 'acme' | 'globex' | 'single'
  readonly key?: string
  /** Members of the header; undefined leaves one out. */
  readonly header?: Record<string, unknown>
  readonly claims?: Record<string, unknown>
  /** Claims that are times, in seconds from now. */
  readonly times?: Record<string, number>
  /** The payload as it is. */
  readonly payload?: string
  readonly sign?: 'none' | 'hmac with the public key' | 'zeros' | 'DER'
}

/** An identity provider that a test plays, with its keys. */
export interface Issuer {
  readonly provider: IdentityProvider
  readonly keys: ReadonlyMap<string, SigningKey>
}

/** Issuers whose tokens a gateway accepts, one of them with a single key. */
export class Tokens implements AsyncDisposable {
  readonly #issuers: ReadonlyMap<string, Issuer>

  private constructor(issuers: ReadonlyMap<string, Issuer>) {
    this.#issuers = issuers
  }

  static async open(): Promise<Tokens> {
    const issuers = new Map<string, Issuer>()
    for (const [name, algorithms] of [
      ['acme', ['ES256', 'ES256', 'RS256', 'PS256', 'ES384']],
      ['globex', ['ES256', 'ES256']],
      ['single', ['ES256']],
    ] as const) {
      const provider = await IdentityProvider.start()
      const keys = await Promise.all(algorithms.map((alg, at) => newSigningKey(`${name}-${alg}-${at}`, alg)))
      provider.keys = keys.map(({ jwk }) => jwk)
      issuers.set(name, { provider, keys: new Map(keys.map((key) => [key.kid, key])) })
    }
    return new Tokens(issuers)
  }

  issuer(name: string): Issuer {
    const issuer = this.#issuers.get(name)
    if (issuer === undefined) throw new Error(`no issuer ${name}`)
    return issuer
  }

  /** The value of OIDC_ISSUERS. */
  get settings(): string {
    const tenants: Record<string, unknown> = { acme: ['acme', 'third'], globex: ['globex'], single: ['acme'] }
    return JSON.stringify(
      [...this.#issuers].map(([name, { provider }]) => ({
        issuer: provider.url,
        audience: 'gateway',
        tenants: tenants[name],
        algorithms: ['ES256', 'RS256'],
      })),
    )
  }

  async make(spec: TokenSpec = {}): Promise<string> {
    const { of = 'acme' } = spec
    const { provider, keys } = this.issuer(of)
    const key = keys.get(spec.key ?? `${of}-ES256-0`)
    if (key === undefined) throw new Error(`no key ${spec.key}`)
    const now = Math.floor(Date.now() / 1000)
    const times = Object.entries({ iat: 0, exp: 600, ...spec.times }).map(
      ([name, at]) => [name, now + at] as const,
    )
    const usual = { iss: provider.url, aud: 'gateway', sub: 'eve', tenant_id: of === 'single' ? 'acme' : of }
    const claims = { ...usual, roles: ['reader'], ...Object.fromEntries<unknown>(times), ...spec.claims }
    const header = JSON.stringify({ alg: key.alg, kid: key.kid, typ: 'at+jwt', ...spec.header })
    const input = `${encoded(header)}.${encoded(spec.payload ?? JSON.stringify(claims))}`
    return `${input}.${await signature(input, key, spec.sign)}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { provider } of this.#issuers.values()) await provider[Symbol.asyncDispose]()
  }
}

const encoded = (text: string): string => Buffer.from(text).toString('base64url')

async function signature(input: string, key: SigningKey, how: TokenSpec['sign']): Promise<string> {
  if (how === 'none') return ''
  if (how === 'zeros') return Buffer.alloc(64).toString('base64url')
  if (how === 'hmac with the public key') {
    const imported = await importJWK(key.jwk, key.alg)
    if (imported instanceof Uint8Array) throw new TypeError('not a public key')
    return createHmac('sha256', await exportSPKI(imported))
      .update(input)
      .digest('base64url')
  }
  const signed = Buffer.from(await crypto.subtle.sign(algorithm(key.alg), key.privateKey, Buffer.from(input)))
  return (how === 'DER' ? Buffer.concat([Buffer.from([0x30, 0x44]), signed]) : signed).toString('base64url')
}

function algorithm(alg: string): { name: string; hash?: string; saltLength?: number } {
  if (alg === 'PS256') return { name: 'RSA-PSS', saltLength: 32 }
  return alg === 'RS256' ? { name: 'RSASSA-PKCS1-v1_5' } : { name: 'ECDSA', hash: `SHA-${alg.slice(2)}` }
}
