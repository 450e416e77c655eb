import { canonicalJson, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { masked } from '../../registry/mask.ts'
import { NO_TENANT, type RegistryChange, type StoredDocument } from '../../registry/registry-store.ts'

/** What one registry has and another has not, document by document. */
export interface Difference {
  readonly kind: 'added' | 'changed' | 'removed'
  /** `<tenant>/<name>`. */
  readonly key: string
  readonly before: StoredDocument | undefined
  readonly after: StoredDocument | undefined
}

/** What has to be done to `target` so that it says what `source` says, by tenant and name. */
export function differencesOf(
  source: readonly StoredDocument[],
  target: readonly StoredDocument[],
): Difference[] {
  const wanted = new Map(source.map((stored) => [keyOf(stored), stored]))
  const there = new Map(target.map((stored) => [keyOf(stored), stored]))
  return [...new Set([...wanted.keys(), ...there.keys()])].toSorted().flatMap((key): Difference[] => {
    const before = there.get(key)
    const after = wanted.get(key)
    if (before === undefined) return [{ kind: 'added', key, before, after }]
    if (after === undefined) return [{ kind: 'removed', key, before, after }]
    const isSame = canonicalJson(before.document) === canonicalJson(after.document)
    return isSame ? [] : [{ kind: 'changed', key, before, after }]
  })
}

/** Differences as changes for the store that they are differences to. */
export function changesOf(differences: readonly Difference[]): RegistryChange[] {
  return differences.flatMap(({ before, after }): RegistryChange[] => {
    if (after === undefined) return before === undefined ? [] : [{ kind: 'remove', ...before }]
    const { document } = after
    const id = after.tenantId === NO_TENANT ? { id: after.name } : {}
    if (before === undefined) return [{ kind: 'create', document, ...id }]
    return [{ kind: 'replace', document, etag: before.etag, ...id }]
  })
}

/**
 * Differences for people: a line for each server, one for each field that differs, and no secret: of masked values
 * it says only that they differ.
 * @param prune false: servers that are only in the target are said to stay
 */
export function differencesText(differences: readonly Difference[], prune: boolean): string {
  return differences
    .flatMap(({ kind, key, before, after }) => {
      if (kind === 'added') return [`+ ${key}`, ...fieldLines({}, after?.document ?? {})]
      if (kind === 'removed')
        return prune ? [`- ${key}`] : [`  ${key}: exists only in the target and is kept (--prune removes it)`]
      return [`~ ${key}`, ...fieldLines(before?.document ?? {}, after?.document ?? {})]
    })
    .map((line) => `${line}\n`)
    .join('')
}

function keyOf({ tenantId, name }: StoredDocument): string {
  return `${tenantId}/${name}`
}

function fieldLines(before: JsonObject, after: JsonObject): string[] {
  const old = leavesOf(before, masked(before))
  const now = leavesOf(after, masked(after))
  return [...new Set([...old.keys(), ...now.keys()])]
    .filter((path) => path !== 'name' && path !== 'tenantId')
    .filter((path) => old.get(path)?.real !== now.get(path)?.real)
    .map((path) => {
      const [from, to] = [old.get(path)?.shown, now.get(path)?.shown]
      if (from === undefined) return `    + ${path}: ${to}`
      if (to === undefined) return `    - ${path}: ${from}`
      return from === to ? `    ~ ${path}: ${to} (another value)` : `    ~ ${path}: ${from} -> ${to}`
    })
}

/** Each value that is no object, by its path. */
function leavesOf(
  real: unknown,
  shown: unknown,
  path = '',
  leaves = new Map<string, { real: string; shown: string }>(),
): Map<string, { real: string; shown: string }> {
  if (isJsonObject(real) && isJsonObject(shown) && (path === '' || Object.keys(real).length > 0)) {
    for (const [key, value] of Object.entries(real)) {
      leavesOf(value, shown[key], path === '' ? key : `${path}.${key}`, leaves)
    }
  } else {
    leaves.set(path, { real: canonicalJson(real), shown: canonicalJson(shown) })
  }
  return leaves
}
