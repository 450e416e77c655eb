import type { Settings } from '../config/settings.ts'
import { LOCAL_ISSUER } from '../identity/local-names.ts'
import type { TenantDirectory } from '../registry/tenants.ts'
import type { AccessParts } from '../rest/access/access-routes.ts'

/** Where it stands from which claim the roles of an issuer's tokens are read. */
export function claimPlaces(
  { issuers, issuerDefaults }: Pick<Settings, 'issuers' | 'issuerDefaults'>,
  tenants: Pick<TenantDirectory, 'snapshot'>,
): AccessParts['claimPlaces'] {
  return (issuer) => {
    if (issuer === LOCAL_ISSUER) return { document: 'the local issuer', field: 'roles' }
    const own = [...tenants.snapshot.byId.values()].find((tenant) =>
      tenant.issuers.some((each) => each.issuer === issuer),
    )
    if (own !== undefined) {
      const at = own.issuers.findIndex((each) => each.issuer === issuer)
      return { document: `tenants/${own.tenantId}`, field: `issuers[${at}].claims.roles` }
    }
    const claim = issuers.find((each) => each.issuer === issuer)?.claims.roles
    const isDefault = claim === undefined || claim === issuerDefaults.claims.roles
    return { document: 'settings', field: isDefault ? 'CLAIM_ROLES' : 'OIDC_ISSUERS' }
  }
}
