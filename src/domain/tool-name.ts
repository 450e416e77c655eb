import { createHash } from 'node:crypto'

/** Longest name that every known client accepts. */
const MAX_EXPOSED_NAME = 64
const FORBIDDEN = /[^A-Za-z0-9_-]/g
const HASH_LENGTH = 8

/**
 * The name under which a server's tool or prompt is offered: `<server>_<name>`, at most 64 characters of
 * `[A-Za-z0-9_-]`. Other characters become `_`; a longer name is cut and ends in a hash of the whole, so it is
 * stable across restarts. Server names have no `_`, so the first one ends the server's name.
 */
export function exposedName(server: string, name: string): string {
  const full = `${server}_${name.replace(FORBIDDEN, '_')}`
  if (full.length <= MAX_EXPOSED_NAME) return full
  const hash = createHash('sha256').update(name).digest('hex').slice(0, HASH_LENGTH)
  return `${full.slice(0, MAX_EXPOSED_NAME - HASH_LENGTH - 1)}_${hash}`
}

/**
 * Exposed names of one server's items, in order. Where two items claim one name, the one that needed no change
 * keeps it, else the first; the other is refused.
 */
export function exposeAll<T extends { readonly name: string }>(
  server: string,
  items: readonly T[],
): { exposed: Map<string, T>; refused: { name: string; reason: string }[] } {
  const exposed = new Map<string, T>()
  const refused: { name: string; reason: string }[] = []
  const unchanged = (item: T, name: string): boolean => name === `${server}_${item.name}`
  for (const item of items) {
    const name = exposedName(server, item.name)
    const holder = exposed.get(name)
    if (holder === undefined) {
      exposed.set(name, item)
      continue
    }
    const [winner, loser] =
      unchanged(item, name) && !unchanged(holder, name) ? [item, holder] : [holder, item]
    exposed.set(name, winner)
    refused.push({ name: loser.name, reason: `its name ${name} is already taken by ${winner.name}` })
  }
  return { exposed, refused }
}
