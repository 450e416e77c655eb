import { NAME_TEXT, SERVER_NAME, TENANT_ID_TEXT } from '../../domain/documents/document-fields.ts'
import { guarded } from '../../domain/errors/guarded.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { QuarantinedDocument } from '../../domain/snapshot.ts'
import { structureProblem } from './check-server.ts'
import type { ParseMemory } from './parse-memory.ts'
import type { RegistryDocument } from './registry-document.ts'
import { ownerOf } from '../tenants.ts'

/** The sections of a registry whose documents are kept as written. */
export type RawSection = 'templates' | 'pipelines' | 'enhancement_rules'

const MAX_BYTES = 262_144

/** A document with its defaults, and its problems by the rules for every kind. */
export interface CheckedRaw {
  readonly document: JsonObject
  readonly problems: readonly string[]
}

interface Reading {
  readonly defaultTenant: string | undefined
  readonly memory?: ParseMemory<CheckedRaw> | undefined
}

/**
 * Keeps documents as written, with `name` and `tenantId` added as for servers. Only the rules for every kind are
 * checked: an object of at most 256 KiB of JSON, with a legal name and a tenant. Other documents are quarantined, and
 * no earlier version of them serves.
 * @param reading.defaultTenant tenant of documents that name none; without it each document must name one
 * @param reading.memory of earlier checks; by default every document is checked
 */
export function parseRaw(
  section: RawSection,
  documents: readonly RegistryDocument[],
  reading: Reading,
): { documents: Map<string, JsonObject>; quarantined: QuarantinedDocument[] } {
  const valid = new Map<string, JsonObject>()
  const quarantined: QuarantinedDocument[] = []
  for (const source of documents) {
    const { id, value } = source
    const check = (): CheckedRaw => checkRaw(source, reading.defaultTenant)
    const { document, problems } = reading.memory?.checked(rawId(section, id), value, check) ?? check()
    if (problems.length === 0) valid.set(id, document)
    else quarantined.push(rawRefusal(section, id, ownerOf(document), problems.join('; ')))
  }
  return { documents: valid, quarantined }
}

/** Checks a document by the rules for every kind; never throws. */
export function checkRaw({ id, value }: RegistryDocument, defaultTenant: string | undefined): CheckedRaw {
  const document = { name: id, tenantId: defaultTenant, ...(isJsonObject(value) ? value : {}) }
  return { document, problems: isJsonObject(value) ? checked(document) : ['expected object'] }
}

/** By what a `ParseMemory` knows a document of these sections. */
export function rawId(section: RawSection, id: string): string {
  return `${section}/${id}`
}

/** What operators see of a refused document of these sections. */
export function rawRefusal(
  section: RawSection,
  id: string,
  tenantId: string | undefined,
  reason: string,
): QuarantinedDocument {
  const path = `${section}/${id.slice(0, 128)}`
  return { id: path, name: path, tenantId, reason, lastGoodServes: false }
}

function checked(document: JsonObject): string[] {
  return guarded(
    () => problemsOf(document),
    (reason) => [reason],
  )
}

function problemsOf(document: JsonObject): string[] {
  const structure = structureProblem(document)
  if (structure !== undefined) return [structure]
  const { name } = document
  return [
    ...(typeof name === 'string' && SERVER_NAME.test(name) ? [] : [`name: ${NAME_TEXT}`]),
    ...(ownerOf(document) === undefined ? [`tenantId: ${TENANT_ID_TEXT}`] : []),
    ...(Buffer.byteLength(JSON.stringify(document)) > MAX_BYTES ? [`larger than ${MAX_BYTES} bytes`] : []),
  ]
}
