import type { RegistrySource, WrittenDocument } from './registry-source.ts'
import type { RegistryStore, StoredDocument } from './registry-store.ts'

/**
 * A store whose writes resolve once they are in force in this process, so that the author sees them with the next
 * request; or after a timeout, if the source reports them late.
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
