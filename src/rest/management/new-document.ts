import type { Catalog } from '../../catalog/catalog.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { ServerRules } from '../../registry/documents/check-server.ts'
import type { RegistryStore } from '../../registry/registry-store.ts'
import { problemsOfDocument } from '../../registry/documents/validate.ts'

/**
 * Refuses a document that no source would let serve.
 * @param problems what is known to be wrong with it already
 * @throws GatewayError `invalid_document` with everything that is wrong
 */
export function refuseInvalid(
  { catalog, rules }: { catalog: Catalog; rules?: ServerRules },
  wanted: JsonObject,
  problems: readonly string[],
): void {
  const { templates } = catalog.snapshot
  const all = [...problems, ...problemsOfDocument(wanted, templates.values(), rules)]
  if (all.length === 0) return
  throw new GatewayError('invalid_document', all.join('; '), { facts: { problems: all } })
}

/** Refuses a name that a server for all tenants has. @throws GatewayError `already_exists` */
export async function refuseTaken(
  { registryStore, catalog }: { registryStore: RegistryStore; catalog: Catalog },
  name: string,
): Promise<void> {
  const isTaken =
    (await registryStore.get(ALL_TENANTS, name)) !== undefined ||
    // What was discovered is not in the store.
    catalog.snapshot.servers.has(serverKey({ tenantId: ALL_TENANTS, name }))
  if (isTaken) throw new GatewayError('already_exists', `A server for all tenants has the name ${name}`)
}

/** Refuses one server more than the tenant's quota. @throws GatewayError `forbidden` */
export async function refuseBeyondQuota(
  options: { registryStore: RegistryStore; maxServersOf?: (tenantId: string) => number | undefined },
  tenantId: string,
): Promise<void> {
  const most = options.maxServersOf?.(tenantId)
  if (most === undefined) return
  const documents = await options.registryStore.list()
  if (documents.filter((document) => document.tenantId === tenantId).length >= most)
    throw new GatewayError('forbidden', `The tenant has reached its quota of servers: ${most}`)
}
