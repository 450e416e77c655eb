import type { Principal } from '../../domain/principal.ts'
import { BROWSER_AGENT } from '../../identity/browser/local-owner.ts'
import { readClaims } from '../../identity/claims/claims.ts'
import type { SignInProvider } from './provider-client.ts'

/**
 * Who a person is by the claims of an ID token. Most providers know nothing of tenants: one that may name a single
 * tenant only stands for it.
 * @throws GatewayError `invalid_token` when the claims name no tenant or subject, or a tenant that is not the provider's
 */
export function personOf(
  { issuer, roles: mapping }: SignInProvider,
  claims: Readonly<Record<string, unknown>>,
  expiresAtMs: number,
): Principal {
  const only = issuer.tenants !== '*' && issuer.tenants.length === 1 ? issuer.tenants[0] : undefined
  const tenant = only === undefined ? {} : { [issuer.claims.tenant]: only }
  const { principal } = readClaims({ ...claims, ...tenant }, issuer)
  const roles =
    mapping === undefined
      ? principal.roles
      : [
          ...new Set(
            principal.roles.flatMap((group) => (Object.hasOwn(mapping, group) ? (mapping[group] ?? []) : [])),
          ),
        ]
  return { ...principal, roles, agent: BROWSER_AGENT, scopes: [], expiresAtMs }
}
