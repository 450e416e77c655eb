import type { StateEntry, StateStore } from './state-store.ts'

const PAGE = 200

/**
 * All entries whose keys begin with a prefix, one page in memory at a time.
 * @throws GatewayError `state_unavailable`
 */
export async function* stateEntries(
  store: Pick<StateStore, 'list'>,
  collection: string,
  prefix: string,
): AsyncGenerator<StateEntry> {
  let after: string | undefined
  do {
    const page = await store.list(collection, prefix, { limit: PAGE, after })
    yield* page.entries
    after = page.next
  } while (after !== undefined)
}
