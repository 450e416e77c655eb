import { randomUUID } from 'node:crypto'
import type { Clock } from '../../src/domain/clock.ts'
import { checkKey, checkPrefix, checkValue } from '../../src/state/state-key.ts'
import type { StateEntry, StateStore } from '../../src/state/state-store.ts'

/** A state store in memory, which several parts of a test share as replicas do. */
export function memoryState(clock: Clock, entries = new Map<string, StateEntry>()): StateStore {
  const nameOf = (collection: string, key: string): string => `${collection} ${key}`
  const live = (name: string): StateEntry | undefined => {
    const entry = entries.get(name)
    return entry?.expiresAt !== undefined && entry.expiresAt <= clock.now() ? undefined : entry
  }
  return {
    get: async (collection, key) => {
      checkKey(collection, key)
      return live(nameOf(collection, key))
    },
    put: async (collection, key, value, { expected, expiresAt } = {}) => {
      checkKey(collection, key)
      checkValue(value)
      const name = nameOf(collection, key)
      const before = live(name)?.version ?? null
      if (expected !== undefined && expected !== before) return undefined
      const entry = { key, value, version: randomUUID(), expiresAt }
      entries.set(name, entry)
      return entry.version
    },
    delete: async (collection, key, { expected } = {}) => {
      checkKey(collection, key)
      const name = nameOf(collection, key)
      const before = live(name)
      if (before === undefined || (expected !== undefined && expected !== before.version)) return false
      return entries.delete(name)
    },
    list: async (collection, prefix, { limit, after = '' }) => {
      checkPrefix(collection, prefix)
      const found = [...entries.keys()]
        .filter((name) => name.startsWith(nameOf(collection, prefix)))
        .flatMap((name) => live(name) ?? [])
        .filter(({ key }) => key > after)
        .toSorted((a, b) => (a.key < b.key ? -1 : 1))
      const page = found.slice(0, limit)
      return { entries: page, next: found.length > limit ? page.at(-1)?.key : undefined }
    },
    close: () => Promise.resolve(),
  }
}
