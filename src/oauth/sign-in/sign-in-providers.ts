import type { IssuerSettings } from '../../config/issuers.ts'
import { parseSecretReference, type ResolveSecret } from '../../domain/documents/secret-reference.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import type { SignInProvider } from './provider-client.ts'

const SCOPES = ['openid', 'profile', 'email']

/** The identity providers that people can sign in with. */
export function signInProviders(
  issuers: readonly IssuerSettings[],
  resolveSecret: ResolveSecret,
): readonly SignInProvider[] {
  return issuers.flatMap((issuer) => {
    const { signIn, tenants } = issuer
    if (signIn === undefined) return []
    return [
      {
        issuer,
        clientId: signIn.clientId,
        clientSecret: () => secretOf(signIn.clientSecret, issuer, resolveSecret),
        scopes: [...new Set(['openid', ...(signIn.scopes ?? SCOPES)])].join(' '),
        roles: signIn.roles,
        key: tenants === '*' ? '' : (tenants[0] ?? ''),
      },
    ]
  })
}

/** @throws Error for a secret of another tenant; SecretRefused */
async function secretOf(
  text: string | undefined,
  { tenants }: IssuerSettings,
  resolveSecret: ResolveSecret,
): Promise<string | undefined> {
  const reference = text === undefined ? undefined : parseSecretReference(text)
  if (reference === undefined) return text
  const isOwn = tenants === '*' ? reference.tenantId === ALL_TENANTS : tenants.includes(reference.tenantId)
  if (!isOwn) throw new Error(`${reference.text} is a secret of another tenant`)
  return await resolveSecret(reference)
}
