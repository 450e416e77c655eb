import { TenantDirectory } from '../../src/registry/tenants.ts'

/** Names of claims as the settings have them. */
export const claims = {
  tenant: 'tenant_id',
  roles: 'roles',
  scope: 'scope',
  agent: 'agent',
  agents: 'agents',
}

/** A directory without tenants. */
export function emptyDirectory(
  reservedIssuers: readonly string[] = [],
  serving: () => Iterable<string> = () => [],
): TenantDirectory {
  return new TenantDirectory({
    defaults: { audience: 'gateway', algorithms: ['RS256'], claims, maxTokenHours: 24 },
    reservedIssuers,
    serving,
  })
}
