import type { Adapter, AdapterPayload } from 'oidc-provider'
import { z } from 'zod'
import type { Clock } from '../../domain/clock.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import type { KeyRing } from '../../domain/seal/key-ring.ts'
import { Sealing } from '../../domain/seal/sealing.ts'
import type { StateStore } from '../../state/state-store.ts'
import { SealedStore } from './sealed-store.ts'

/** Collections of what the provider keeps. Everything else it never has to find again. */
const COLLECTIONS: Readonly<Record<string, string>> = {
  AuthorizationCode: 'oauth-codes',
  Client: 'oauth-clients',
  Grant: 'oauth-grants',
  Interaction: 'oauth-interactions',
  RefreshToken: 'oauth-refresh-tokens',
}
const payload = z.custom<AdapterPayload>(isJsonObject)
const DAY_SECONDS = 86_400

/** What a store of the provider needs. */
export interface ProviderStoreOptions {
  readonly store: StateStore
  readonly stateKeys: KeyRing
  readonly clock: Clock
  /** Is told when the provider ends a grant, as after the replay of a code or a refresh token. */
  readonly onGrantEnded: (payload: AdapterPayload) => Promise<void>
  /** The error for a code or refresh token that was used before. */
  readonly alreadyUsed: () => Error
}

/** Where the provider keeps its documents: sealed, in the state store. */
export function providerStore(options: ProviderStoreOptions): (model: string) => Adapter {
  const sealing = new Sealing(options.stateKeys, 'authorization server')
  return (model) => {
    const collection = COLLECTIONS[model]
    if (collection === undefined) return NOTHING
    const documents = new SealedStore({ store: options.store, sealing, collection, schema: payload })
    return adapter(documents, model, options)
  }
}

/** Sessions of the provider are never found: who is signed in is asked at each request. */
const NOTHING: Adapter = {
  upsert: () => Promise.resolve(),
  find: () => Promise.resolve(undefined),
  findByUid: () => Promise.resolve(undefined),
  findByUserCode: () => Promise.resolve(undefined),
  consume: () => Promise.resolve(),
  destroy: () => Promise.resolve(),
  revokeByGrantId: () => Promise.resolve(),
}

function adapter(
  documents: SealedStore<AdapterPayload>,
  model: string,
  { clock, onGrantEnded, alreadyUsed }: ProviderStoreOptions,
): Adapter {
  return {
    ...NOTHING,
    // Clients come without a lifetime: those that nobody approves are forgotten after a day.
    upsert: async (id, value, expiresIn = DAY_SECONDS) => {
      await documents.put(id, value, { expiresAt: clock.now() + expiresIn * 1000 })
    },
    find: async (id) => (await documents.get(id))?.value,
    consume: async (id) => {
      const found = await documents.get(id)
      if (found === undefined || found.value.consumed !== undefined) throw alreadyUsed()
      const { value, version } = found
      const consumed = { ...value, consumed: Math.floor(clock.now() / 1000) }
      const expiresAt = (value.exp ?? 0) * 1000
      // Of two at the same time one only may be first.
      if (!(await documents.put(id, consumed, { expiresAt, expected: version }))) throw alreadyUsed()
    },
    destroy: async (id) => {
      const found = model === 'Grant' ? await documents.get(id) : undefined
      await documents.delete(id)
      if (found !== undefined) await onGrantEnded({ ...found.value, jti: id })
    },
    // Codes and refresh tokens are worth nothing without their grant, and expire.
    revokeByGrantId: () => Promise.resolve(),
  }
}
