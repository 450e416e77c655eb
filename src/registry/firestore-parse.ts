import { TENANT_ID } from '../domain/principal.ts'
import type { QuarantinedDocument, Snapshot } from '../domain/snapshot.ts'
import type { WatchedDocument } from '../store/document-store.ts'
import type { DocumentStatus } from './firestore-status.ts'
import type { Hold } from './mass-removal.ts'
import { type LastGood, parseRegistry } from './parse.ts'
import { isKnownTenant, type Tenants } from './tenants.ts'

/**
 * Documents of `mcp_servers` as a snapshot: like those of a file, but each has to name its tenant, and once tenants
 * have documents a server of any other tenant is refused.
 */
export function parseDocuments(options: {
  documents: readonly WatchedDocument[]
  tenants: Tenants
  previous: LastGood
  generation: number
}): { snapshot: Snapshot; lastGood: LastGood } {
  const { documents, tenants, previous, generation } = options
  const strangers = documents.filter(({ value }) => !mayBelong(tenants, value['tenantId']))
  const refused = new Set(strangers)
  const { snapshot, lastGood } = parseRegistry({
    documents: documents
      .filter((document) => !refused.has(document))
      // A field that is there, even without a value, takes no default.
      .map(({ id, value }) => ({ id, value: { tenantId: undefined, ...value } })),
    defaultTenant: '',
    previous,
    generation,
  })
  const kept = strangers.flatMap(({ id }) => {
    const good = previous.get(id)
    return good === undefined ? [] : [[id, good] as const]
  })
  return {
    snapshot: { ...snapshot, quarantined: [...strangers.map(strangerEntry), ...snapshot.quarantined] },
    lastGood: new Map([...lastGood, ...kept]),
  }
}

/** What operators see of documents that are gone from the store and serve on. */
export function heldEntries(
  hold: Hold<WatchedDocument> | undefined,
  lastGood: LastGood,
): QuarantinedDocument[] {
  if (hold === undefined) return []
  const { id: holdId, until } = hold
  const reason =
    until === undefined
      ? `not in the store, which seems to be another one than before; held back until confirmed (${holdId})`
      : `removed together with many others; held back until ${new Date(until).toISOString()} or confirmed (${holdId})`
  return hold.removed.map(({ id, value }) => {
    const { name, tenantId } = lastGood.get(id) ?? {}
    return {
      id,
      name: name ?? nameOf({ id, value }),
      tenantId: tenantId ?? tenantOf(value),
      reason,
      lastGoodServes: true,
    }
  })
}

/** The same for documents of tenants, which are listed as `tenants/<id>`. */
export function heldTenantEntries(hold: Hold<WatchedDocument> | undefined): QuarantinedDocument[] {
  return heldEntries(hold, new Map()).map(({ id, ...entry }) => ({
    ...entry,
    id: `tenants/${id}`,
    tenantId: id,
  }))
}

/** What operators are told beside each document that is in the store. */
export function statusesOf(
  documents: readonly WatchedDocument[],
  quarantined: readonly QuarantinedDocument[],
  hold: Hold<WatchedDocument> | undefined,
): Map<string, DocumentStatus> {
  const reasons = new Map(quarantined.map(({ id, reason }) => [id, reason]))
  const held = new Set(hold?.removed.map(({ id }) => id))
  return new Map(
    documents
      .filter(({ id }) => !held.has(id))
      .map(({ id, value }) => {
        const reason = reasons.get(id) ?? null
        const state = reason === null ? 'accepted' : 'quarantined'
        return [id, { tenantId: tenantOf(value) ?? null, state, reason }]
      }),
  )
}

function mayBelong(tenants: Tenants, tenantId: unknown): boolean {
  return typeof tenantId !== 'string' || !TENANT_ID.test(tenantId) || isKnownTenant(tenants, tenantId)
}

function strangerEntry({ id, value }: WatchedDocument): QuarantinedDocument {
  return {
    id,
    name: nameOf({ id, value }),
    tenantId: tenantOf(value),
    reason: `tenantId: there is no tenant ${String(value['tenantId'])}`,
    lastGoodServes: false,
  }
}

function nameOf({ id, value }: Pick<WatchedDocument, 'id' | 'value'>): string {
  return typeof value['name'] === 'string' ? value['name'].slice(0, 64) : id
}

function tenantOf({ tenantId }: WatchedDocument['value']): string | undefined {
  const isTenant = typeof tenantId === 'string' && (tenantId === '*' || TENANT_ID.test(tenantId))
  return isTenant ? tenantId : undefined
}
