/** A name that could not be given, and the thing that has it. */
export interface RefusedName {
  readonly own: string
  readonly name: string
  readonly holder: string
}

/**
 * New names for some of several things, without duplicates: a thing that keeps its name has precedence, then the first
 * that wants the name.
 * @param wanted new names by own ones
 * @param keyOf the key that must differ between two names
 */
export function settledNames(
  all: readonly string[],
  wanted: ReadonlyMap<string, string>,
  keyOf: (name: string) => string = (name) => name,
): { names: ReadonlyMap<string, string>; refused: readonly RefusedName[] } {
  const names = new Map(wanted)
  const refused: RefusedName[] = []
  while (names.size > 0) {
    const losers = losersOf(all, names, keyOf)
    if (losers.length === 0) break
    // They keep their own names, which others may have been given in the meantime, so the names are settled again.
    for (const { own } of losers) names.delete(own)
    refused.push(...losers)
  }
  return { names, refused }
}

function losersOf(
  all: readonly string[],
  names: ReadonlyMap<string, string>,
  keyOf: (name: string) => string,
): RefusedName[] {
  const holders = new Map(all.filter((own) => !names.has(own)).map((own) => [keyOf(own), own]))
  return [...names].flatMap(([own, name]) => {
    const key = keyOf(name)
    const holder = holders.get(key)
    if (holder === undefined) holders.set(key, own)
    return holder === undefined ? [] : [{ own, name, holder }]
  })
}
