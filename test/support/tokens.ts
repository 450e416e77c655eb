import { CompactSign, createLocalJWKSet } from 'jose'
import { TokenVerifier } from '../../src/identity/token-verifier.ts'
import type { IssuerSettings } from '../../src/config/issuers.ts'
import { FakeClock } from './fake-clock.ts'
import { type SigningKey, newSigningKey } from './identity-provider.ts'

export const ISSUER = 'https://idp.example'
export const OTHER_ISSUER = 'https://other.example'
export const START_SECONDS = Date.parse('2026-01-01T00:00:00Z') / 1000
export const key = await newSigningKey('one')
export const rsaKey = await newSigningKey('rsa', 'RS256')
export const otherKey = await newSigningKey('other')

export function settingsOf(changes: Partial<IssuerSettings> = {}): IssuerSettings {
  return {
    issuer: ISSUER,
    audience: 'gateway',
    tenants: '*',
    algorithms: ['ES256', 'RS256'],
    maxTokenHours: 24,
    claims: { tenant: 'tenant_id', roles: 'roles', scope: 'scope', agent: 'agent', agents: 'agents' },
    ...changes,
  }
}

/** A verifier of one issuer with fixed keys, which counts how often keys are asked for. */
export function verifierOf(
  options: { settings?: Partial<IssuerSettings>; keys?: SigningKey[]; cacheSize?: number } = {},
): { verifier: TokenVerifier; clock: FakeClock; counter: { lookups: number } } {
  const clock = new FakeClock()
  const resolve = createLocalJWKSet({ keys: (options.keys ?? [key, rsaKey]).map(({ jwk }) => jwk) })
  const counter = { lookups: 0 }
  const keys = {
    key: async (...input: Parameters<typeof resolve>) => {
      counter.lookups += 1
      return await resolve(...input)
    },
  }
  const other = createLocalJWKSet({ keys: [otherKey.jwk] })
  const verifier = new TokenVerifier({
    issuers: [
      { settings: settingsOf(options.settings), keys },
      {
        settings: settingsOf({ issuer: OTHER_ISSUER, tenants: ['globex'] }),
        keys: { key: (...input) => other(...input) },
      },
    ],
    clock,
    ...(options.cacheSize !== undefined && { cacheSize: options.cacheSize }),
  })
  return { verifier, clock, counter }
}

export function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: ISSUER,
    aud: 'gateway',
    sub: 'ada',
    tenant_id: 'acme',
    roles: ['reader'],
    iat: START_SECONDS,
    exp: START_SECONDS + 3600,
    ...changes,
  }
}

/** What a refusal of a token with that public message looks like. */
export function refusal(message: string): Record<string, unknown> {
  return { code: 'invalid_token', message }
}

/** Signs a payload that need not be a proper claims set. */
export async function signText(payload: string, header: Record<string, unknown> = {}): Promise<string> {
  return await new CompactSign(Buffer.from(payload))
    .setProtectedHeader({ alg: 'ES256', kid: 'one', ...header })
    .sign(key.privateKey)
}
