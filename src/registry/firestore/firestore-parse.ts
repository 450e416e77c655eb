import type { QuarantinedDocument } from '../../domain/snapshot.ts'
import type { WatchedDocument } from '../../firestore/document-store.ts'
import type { SectionHold } from './firestore-holds.ts'
import type { DocumentStatus } from './firestore-status.ts'
import type { Hold } from '../mass-removal.ts'
import type { LastGood } from '../documents/parse.ts'
import { ownerOf } from '../tenants.ts'

/** What operators see of documents that are gone from the store and serve on. */
export function heldEntries(
  { section, id: holdId, until, removed }: SectionHold,
  lastGood: LastGood,
): QuarantinedDocument[] {
  const reason =
    until === undefined
      ? `missing from the store, which seems to be a different one than before; held back until confirmed (${holdId})`
      : `removed together with many others; held back until ${new Date(until).toISOString()} or confirmed (${holdId})`
  return removed.map(({ id, value }) => {
    if (section !== 'servers') {
      const path = `${section}/${id}`
      const tenantId = section === 'tenants' ? id : ownerOf(value)
      return { id: path, name: path, tenantId, reason, lastGoodServes: true }
    }
    const { name, tenantId } = lastGood.get(id) ?? {}
    return {
      id,
      name: name ?? (typeof value['name'] === 'string' ? value['name'].slice(0, 64) : id),
      tenantId: tenantId ?? ownerOf(value),
      reason,
      lastGoodServes: true,
    }
  })
}

/** What operators are told beside each document of a server that is in the store. */
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
        return [id, { tenantId: ownerOf(value) ?? null, state, reason }]
      }),
  )
}
