import type { OpenAudit } from '../audit/audit-open.ts'
import type { Settings } from '../config/settings.ts'
import type { OpenFeatures } from '../features/features-open.ts'
import type { FirestoreClient } from '../firestore/firestore.ts'
import type { OpenIdentity } from '../identity/identity-open.ts'
import { LOCAL_ISSUER } from '../identity/local-names.ts'
import { ControlPath } from '../reconcile/control-path.ts'
import { type OpenRegistry, openRegistry } from '../registry/registry-open.ts'
import { RegistryEdits } from '../registry/registry-edits.ts'
import { TenantDirectory } from '../registry/tenants.ts'
import type { OpenState } from '../state/state-open.ts'
import { EditRecords } from './edit-records.ts'
import { KnownDocuments } from './known-documents.ts'
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
  readonly audit: OpenAudit
  readonly state: OpenState
}

/**
 * Opens the registry, without reading it, and builds what applies it.
 * @throws Error when servers are to be discovered and there is no configuration that says where
 */
export async function openControl(
  settings: Settings,
  { firestore, identity, servers, features, audit, state }: Parts,
  { clock, random, logger, lifecycle }: Runtime,
): Promise<OpenControl> {
  const tenants = new TenantDirectory({
    defaults: settings.issuerDefaults,
    reservedIssuers: [...settings.issuers.map(({ issuer }) => issuer), LOCAL_ISSUER, settings.publicUrl],
    serving: () => control.tenants,
  })
  tenants.onChange(({ byId }) => {
    const all = [...byId.values()]
    identity.issuers.setTenantIssuers(
      all.flatMap(({ issuers }) => issuers),
      all.filter(({ isDisabled }) => isDisabled).map(({ tenantId }) => tenantId),
    )
  })
  const records = new EditRecords({
    acts: audit.acts,
    store: state.store,
    isShared: firestore !== undefined,
    defaultTenant: settings.defaultTenant,
    clock,
    logger,
  })
  lifecycle.onClose('edits of the registry', () => records.close(), { lane: 'records' })
  const known = new KnownDocuments({
    store: state.store,
    onEdits: (unseen) => records.take(unseen),
    clock,
    logger,
  })
  lifecycle.onClose('known documents of the registry', () => known.close(), { lane: 'records' })
  const edits = new RegistryEdits({
    clock,
    onBase: (base) => known.base(base),
    onEdits: (seen) => {
      records.take(seen)
      known.take(seen)
    },
  })
  tenants.onChange((all) => edits.tenants(all))
  const found = { firestore, directory: tenants, edits }
  const registry = await openRegistry(settings, { ...found, clock, random, logger })
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
