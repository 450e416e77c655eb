import type { DocumentStore } from '../../firestore/document-store.ts'
import { SNAPSHOTS } from './firestore-last-good.ts'

/** Confirms that servers of tenants without a document are to be refused. */
export const CONFIRM_TENANTS = 'tenants'

/** Path of the document by whose creation an operator confirms something; its content does not matter. */
export function confirmationPath(id: string): string {
  return `${SNAPSHOTS}/confirm-${id}`
}

/** Those of the ids that an operator has confirmed; without an answer of the store none. */
export async function confirmedAmong(store: DocumentStore, ids: readonly string[]): Promise<Set<string>> {
  const found = await Promise.all(
    ids.map(async (id) =>
      (await store.get(confirmationPath(id)).catch(() => undefined)) === undefined ? [] : [id],
    ),
  )
  return new Set(found.flat())
}
