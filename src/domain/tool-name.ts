import { createHash } from 'node:crypto'

/** Longest name that every known client accepts. */
const MAX_EXPOSED_NAME = 64
const FORBIDDEN = /[^A-Za-z0-9_-]/g
const READABLE = /[A-Za-z0-9]/
const HASH_LENGTH = 8

/**
 * The name under which a server's tool or prompt is offered: `<server>_<name>`, at most 64 characters of
 * `[A-Za-z0-9_-]`. Other characters become `_`; a longer name is cut and ends in a hash of the whole, and one that
 * keeps no letter or digit is the hash alone, so it is stable across restarts. Server names have no `_`, so the first
 * one ends the server's name.
 */
export function exposedName(server: string, name: string): string {
  const kept = name.replace(FORBIDDEN, '_')
  const full = `${server}_${kept}`
  if (kept !== name && !READABLE.test(kept)) return `${server}_${hashOf(name)}`
  return full.length <= MAX_EXPOSED_NAME ? full : withHash(full, name)
}

/**
 * Exposed names of one server's items. If several claim one name, the one whose own name needed no change keeps it, and
 * each of the others ends in the hash of its own name, independent of their order. Only an exact duplicate of another
 * item's name is refused.
 */
export function exposeAll<T extends { readonly name: string }>(
  server: string,
  items: readonly T[],
): { exposed: Map<string, T>; refused: { name: string; reason: string }[] } {
  const exposed = new Map<string, T>()
  const refused: { name: string; reason: string }[] = []
  const add = (name: string, item: T): void => {
    const holder = exposed.get(name)
    if (holder === undefined) exposed.set(name, item)
    else refused.push({ name: item.name, reason: `its name ${name} is already taken by ${holder.name}` })
  }
  const first = new Map<string, T>()
  for (const item of items) {
    const holder = first.get(item.name)
    if (holder === undefined) first.set(item.name, item)
    else
      refused.push({
        name: item.name,
        reason: `its name ${exposedName(server, item.name)} is already taken by ${holder.name}`,
      })
  }
  const claims = [...first.values()].map((item) => ({ item, name: exposedName(server, item.name) }))
  const counts = Map.groupBy(claims, ({ name }) => name)
  const { own: unchanged = [], other: changed = [] } = Object.groupBy(claims, ({ item, name }) =>
    name === `${server}_${item.name}` ? 'own' : 'other',
  )
  for (const { item, name } of unchanged) add(name, item)
  for (const { item, name } of changed)
    add(counts.get(name)?.length === 1 ? name : freeName(name, item.name, exposed), item)
  return { exposed, refused }
}

function freeName(full: string, name: string, taken: ReadonlyMap<string, unknown>): string {
  const hashed = withHash(full, name)
  return taken.has(hashed) ? withHash(full, name, 2 * HASH_LENGTH) : hashed
}

function withHash(full: string, name: string, length: number = HASH_LENGTH): string {
  return `${full.slice(0, MAX_EXPOSED_NAME - length - 1)}_${hashOf(name, length)}`
}

/** UTF-8 has no lone surrogates, which would all be one. */
function hashOf(name: string, length: number = HASH_LENGTH): string {
  const text = name.isWellFormed() ? name : JSON.stringify(name)
  return createHash('sha256').update(text).digest('hex').slice(0, length)
}
