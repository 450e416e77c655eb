import type { Settings } from '../config/settings.ts'
import type { OpenFeatures } from '../features/features-open.ts'
import type { FirestoreClient } from '../firestore/firestore.ts'
import type { OpenIdentity } from '../identity/identity-open.ts'
import { LOCAL_ISSUER } from '../identity/local-names.ts'
import { ControlPath } from '../reconcile/control-path.ts'
import { type OpenRegistry, openRegistry } from '../registry/registry-open.ts'
import { TenantDirectory } from '../registry/tenants.ts'
import type { OpenServers } from './open-servers.ts'
import type { Runtime } from './runtime.ts'

/** The registry while the gateway runs, and the way from it to what runs. */
export interface OpenControl {
  readonly tenants: TenantDirectory
  readonly registry: OpenRegistry
  readonly control: ControlPath
}

interface Parts {
  readonly firestore: FirestoreClient | undefined
  readonly identity: OpenIdentity
  readonly servers: OpenServers
  readonly features: OpenFeatures
}

/**
 * Opens the registry, without reading it, and builds what applies it.
 * @throws Error when servers are to be discovered and there is no configuration that says where
 */
export async function openControl(
  settings: Settings,
  { firestore, identity, servers, features }: Parts,
  { clock, random, logger, lifecycle }: Runtime,
): Promise<OpenControl> {
  const tenants = new TenantDirectory({
    defaults: settings.issuerDefaults,
    reservedIssuers: [...settings.issuers.map(({ issuer }) => issuer), LOCAL_ISSUER, settings.publicUrl],
    serving: () => control.tenants,
  })
  tenants.onChange(({ byId }) =>
    identity.issuers.setTenantIssuers([...byId.values()].flatMap(({ issuers }) => issuers)),
  )
  const registry = await openRegistry(settings, { firestore, directory: tenants, clock, random, logger })
  const control = new ControlPath({
    registry,
    upstreams: servers.upstreams,
    catalog: features.builtins,
    followers: { secrets: servers.secrets, processLogs: servers.processLogs },
    clock,
    logger,
    lifecycle,
  })
  return { tenants, registry, control }
}
