import { isJsonObject, type JsonObject } from '../domain/json.ts'
import { parseRegistry } from './parse.ts'

/** Everything that is wrong with a document that is to be stored; nothing when a source would let it serve. */
export function problemsOfDocument(document: JsonObject): string[] {
  return problemsOfRegistry([document]).flatMap(({ problems }) => problems)
}

/** What a source would refuse of a whole registry, double names included, by tenant and name. */
export function problemsOfRegistry(
  documents: readonly JsonObject[],
): { readonly name: string; readonly problems: string[] }[] {
  const { snapshot } = parseRegistry({
    documents: documents.map((value, index) => ({ id: idOf(value, index), value })),
    defaultTenant: '',
    previous: new Map(),
    generation: 1,
  })
  return snapshot.quarantined.map(({ id, reason }) => ({ name: id, problems: reason.split('; ') }))
}

function idOf(value: JsonObject, index: number): string {
  const { tenantId, name } = isJsonObject(value) ? value : {}
  return typeof tenantId === 'string' && typeof name === 'string' ? `${tenantId}/${name}` : `#${index + 1}`
}
