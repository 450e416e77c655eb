import type { RegistrySource, WrittenDocument } from './registry-source.ts'
import type { RegistryStore, StoredDocument } from './registry-store.ts'

/**
 * A store whose writes resolve once they are in force here, so that whoever wrote sees it with the next request; or after
 * a while, when the source is slow to tell.
 */
export function settledStore(
  store: RegistryStore,
  section: WrittenDocument['section'],
  source: Pick<RegistrySource, 'caughtUp'>,
): RegistryStore {
  const settled = async (stored: StoredDocument): Promise<StoredDocument> => {
    await source.caughtUp({ section, ...stored })
    return stored
  }
  return {
    get: (tenantId, name) => store.get(tenantId, name),
    list: () => store.list(),
    create: async (document) => settled(await store.create(document)),
    replace: async (document, etag) => settled(await store.replace(document, etag)),
    remove: async (tenantId, name, etag) => {
      await store.remove(tenantId, name, etag)
      await source.caughtUp({ section, tenantId, name, etag: undefined })
    },
  }
}
