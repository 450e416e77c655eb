import { parseSections } from '../../registry/documents/parse-sections.ts'
import type { StoredDocument } from '../../registry/registry-store.ts'
import { NO_TENANT, unhandled } from '../../registry/registry-store.ts'
import { eachSection, type Section } from '../../registry/collections.ts'
import type { ServerRules } from '../../registry/documents/check-server.ts'
import type { RegistryDocument } from '../../registry/documents/registry-document.ts'
import { TenantDirectory, type Tenants } from '../../registry/tenants.ts'
import type { Difference } from './registry-changes.ts'

/** Parts of a registry in the order in which they are written: what others need comes first. */
export const SECTIONS: readonly Section[] = [
  'tenants',
  'templates',
  'servers',
  'pipelines',
  'enhancement_rules',
]

/** All documents of a registry, the bad ones included. */
export type RegistryDocuments = Readonly<Record<Section, readonly StoredDocument[]>>

const CLAIMS = { tenant: 'tenant_id', roles: 'roles', scope: 'scope', agent: 'agent', agents: 'agents' }

const SINGULAR: Readonly<Record<Section, string>> = {
  tenants: 'tenant',
  templates: 'template',
  servers: 'server',
  pipelines: 'pipeline',
  enhancement_rules: 'enhancement rule',
}

/** How many documents of which kind: `2 servers, 1 template`. */
export function countText(documents: Partial<Readonly<Record<Section, readonly unknown[]>>>): string {
  return SECTIONS.flatMap((section) => {
    const count = documents[section]?.length ?? 0
    return count === 0 ? [] : [`${count} ${SINGULAR[section]}${count === 1 ? '' : 's'}`]
  }).join(', ')
}

/** The documents of one tenant, or those for all where that is `*`; every document without a tenant. */
export function inTenant(content: RegistryDocuments, tenant: string | undefined): RegistryDocuments {
  return eachSection((section) =>
    content[section].filter(({ tenantId }) => tenant === undefined || tenantId === tenant),
  )
}

/** The first document of each name, which is the one that a gateway uses, and what the others are called. */
export function firstOfEachName(content: RegistryDocuments): {
  documents: RegistryDocuments
  others: readonly string[]
} {
  const others: string[] = []
  const documents = eachSection((section) => {
    const known = new Set<string>()
    return content[section].filter((stored) => {
      const key = keyOf(stored)
      const isFirst = !known.has(key)
      known.add(key)
      if (!isFirst) others.push(labelOf(section, key))
      return isFirst
    })
  })
  return { documents, others }
}

/** Differences of a section as they are shown; servers have no section before their name. */
export function labelled(section: Section, differences: readonly Difference[]): Difference[] {
  return differences.map((difference) => ({ ...difference, key: labelOf(section, difference.key) }))
}

/** What a document is called, given its `keyOf`: `acme/files`, `pipelines/acme/both`, `tenants/acme`. */
export function labelOf(section: Section, key: string): string {
  if (section === 'servers') return key
  return `${section}/${section === 'tenants' ? key.replace(/^.*\//, '') : key}`
}

/** What a gateway would refuse of a registry, by section and document. */
export function refusedIn(
  content: RegistryDocuments,
  rules: ServerRules,
): ReadonlyMap<Section, ReadonlyMap<string, string>> {
  const tenants = tenantsOf(
    content.tenants.map(({ name, document }) => ({ id: name, value: unhandled('tenants', document) })),
  )
  const documents = eachSection((section) =>
    content[section].map((stored) => ({
      id: keyOf(stored),
      value: stored.tenantId === NO_TENANT ? { ...stored.document, tenantId: null } : stored.document,
    })),
  )
  const { snapshot } = parseSections({
    checks: { rules },
    documents,
    tenants,
    defaultTenant: undefined,
    previous: new Map(),
    generation: 1,
  })
  const refused = new Map<Section, Map<string, string>>(SECTIONS.map((section) => [section, new Map()]))
  for (const { id, reason } of [...snapshot.quarantined, ...tenants.quarantined]) {
    const [first = '', ...rest] = id.split('/')
    const section = SECTIONS.find((one) => one === first && one !== 'servers') ?? 'servers'
    const key = section === 'servers' ? id : section === 'tenants' ? `${rest[0]}/${rest[0]}` : rest.join('/')
    refused.get(section)?.set(key, reason)
  }
  return refused
}

/** The tenants that the documents define, independent of the issuers in the settings of a gateway. */
export function tenantsOf(documents: readonly RegistryDocument[]): Tenants {
  const directory = new TenantDirectory({
    defaults: { audience: 'urn:any', algorithms: ['RS256'], claims: CLAIMS, maxTokenHours: 24 },
    reservedIssuers: [],
  })
  directory.apply(documents)
  return directory.snapshot
}

/** `<tenant>/<name>`. */
export function keyOf({ tenantId, name }: { tenantId: string; name: string }): string {
  return `${tenantId}/${name}`
}
