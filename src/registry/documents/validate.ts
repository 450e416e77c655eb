import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { problemsOfUse, usesTemplate } from './expand.ts'
import type { ServerRules } from './check-server.ts'
import { parseRegistry, readServer } from './parse.ts'
import type { RegistryDocument } from './registry-document.ts'
import { Templates } from './templates.ts'

/** Replaces an unknown template when the fields that every server has are checked. */
const STAND_IN = { transport: 'stdio', command: 'template' }
/** Documents that are to be stored name their tenant. */
const UNOWNED = { defaultTenant: '' }

/**
 * All problems of a document that is to be stored; empty if a source would accept it.
 * @param templates those that exist, of every tenant
 * @param rules what the settings forbid
 */
export function problemsOfDocument(
  document: JsonObject,
  templates: Iterable<JsonObject> = [],
  rules?: ServerRules,
): readonly string[] {
  return checkedDocument(document, templates, rules).problems
}

/** The server that a document which is to be stored would define, or its problems. */
export function checkedDocument(
  document: JsonObject,
  templates: Iterable<JsonObject>,
  rules?: ServerRules,
): { readonly definition: ServerDefinition | undefined; readonly problems: readonly string[] } {
  const reading = { ...UNOWNED, templates: Templates.of(templates), rules }
  const { valid, problems } = readServer(asRegistered(document, 0), reading)
  return { definition: valid, problems }
}

/**
 * The problems for which a source would refuse parts of a whole registry, including duplicate names, by tenant and
 * name. A server that uses a template is checked as far as possible without the template.
 */
export function problemsOfRegistry(
  documents: readonly JsonObject[],
  rules?: ServerRules,
): { readonly name: string; readonly problems: string[] }[] {
  const { snapshot } = parseRegistry({
    ...UNOWNED,
    rules,
    documents: documents.map(asRegistered).map(withoutTemplate),
    previous: new Map(),
    generation: 1,
  })
  return snapshot.quarantined.map(({ id, reason }) => ({ name: id, problems: reason.split('; ') }))
}

function withoutTemplate({ id, value }: RegistryDocument): RegistryDocument {
  if (!usesTemplate(value)) return { id, value }
  const { templateName: _name, config: _config, instances: _instances, ...own } = value
  const standIn = { ...own, ...STAND_IN }
  const problems = problemsOfUse(value)
  return problems.length === 0 ? { id, value: standIn } : { id, value, problems }
}

function asRegistered(value: JsonObject, index: number): RegistryDocument {
  const { tenantId, name } = isJsonObject(value) ? value : {}
  const isNamed = typeof tenantId === 'string' && typeof name === 'string'
  return { id: isNamed ? `${tenantId}/${name}` : `#${index + 1}`, value }
}
