import { isJsonObject } from '../../domain/json/json.ts'
import { problemLine } from '../../domain/documents/problems.ts'
import { TENANT_ID } from '../../domain/principal.ts'
import {
  isBuiltinName,
  type ServerDefinition,
  serverDocumentSchema,
} from '../../domain/documents/server-definition.ts'
import type { QuarantinedDocument, Snapshot } from '../../domain/snapshot.ts'
import { type AccessPart, accessPart, type CheckedServer, type Checks, checkServer } from './check-server.ts'
import { expanded, usesTemplate } from './expand.ts'
import type { ParseMemory } from './parse-memory.ts'
import { type RegistryDocument, withDefaults } from './registry-document.ts'
import { resolveNames, type Candidate } from './resolve-names.ts'
import { Templates } from './templates.ts'

/** The last valid version of each document, by document id, under the access part that was last in force. */
export type LastGood = ReadonlyMap<string, ServerDefinition>

/** The part of a snapshot that concerns servers. */
export type ServersSnapshot = Omit<Snapshot, 'templates' | 'pipelines' | 'enhancementRules'>

/** What the documents of servers are read with. */
export interface Reading extends Checks {
  /** Tenant of documents that name none; without it each document must name one. */
  readonly defaultTenant: string | undefined
  /** The templates that documents can use; by default none. */
  readonly templates?: Templates
  /** Of earlier checks; by default every document is checked. */
  readonly memory?: ParseMemory<CheckedServer>
}

/** A document with all its defaults: the server that it defines, or what is wrong with it, as lines. */
interface ReadServer {
  readonly value: unknown
  readonly valid: ServerDefinition | undefined
  readonly problems: readonly string[]
  readonly access: AccessPart | undefined
}

const MAX_REASON_LENGTH = 2000
const NO_TEMPLATES = new Templates()

/**
 * Turns server documents into their part of a snapshot. An invalid document affects no other: it is quarantined with
 * every problem, and its last good version keeps serving under the access part of the current document; of that part, a
 * field that the current document lacks stays as it was, because it may be there under a wrong name or in a wrong place.
 * If the access part cannot be read, the server is hidden. Returns the last good versions for the next call.
 */
export function parseRegistry(
  options: Reading & {
    documents: readonly RegistryDocument[]
    previous: LastGood
    generation: number
  },
): { snapshot: ServersSnapshot; lastGood: LastGood } {
  const lastGood = new Map<string, ServerDefinition>()
  const candidates: Candidate[] = []
  const refused: QuarantinedDocument[] = []
  for (const document of options.documents) {
    const { id } = document
    const { value, valid, problems, access } = readServer(document, options)
    if (valid !== undefined) {
      lastGood.set(id, valid)
      candidates.push({ id, server: valid, reason: undefined })
      continue
    }
    const good = options.previous.get(id)
    const reason = shortened(problems.join('; '))
    const isHidden = good === undefined || access === undefined || document.isHidden === true
    const serving = isHidden ? undefined : underAccessPart(good, access, document.value)
    const kept = serving ?? good
    if (kept !== undefined) lastGood.set(id, kept)
    if (serving === undefined) refused.push(quarantined(id, value, reason, options.defaultTenant))
    else candidates.push({ id, server: serving, reason })
  }
  const { servers, quarantined: doubled } = resolveNames(candidates)
  return {
    snapshot: { generation: options.generation, servers, quarantined: [...refused, ...doubled] },
    lastGood,
  }
}

/** Checks new documents in small batches, so that `parseRegistry` finds them in the memory. */
export async function prepareServers(
  documents: readonly RegistryDocument[],
  {
    memory,
    defaultTenant,
    ...checks
  }: { memory: ParseMemory<CheckedServer>; defaultTenant: string | undefined } & Checks,
): Promise<void> {
  const plain = documents.filter(({ value, problems }) => problems === undefined && !usesTemplate(value))
  await memory.prepare(
    plain.map((document) => ({
      ...document,
      check: () => checkServer(withDefaults(document, defaultTenant), checks),
    })),
  )
}

/** The server that a document defines, or what is wrong with it; never throws. */
export function readServer(document: RegistryDocument, options: Reading): ReadServer {
  const { templates = NO_TEMPLATES, memory, defaultTenant, ...checks } = options
  const value = withDefaults(document, defaultTenant)
  const refused = (problems: readonly string[]): ReadServer => {
    return { value, valid: undefined, problems, access: accessPart(value) }
  }
  if (document.problems !== undefined) return refused(document.problems)
  if (!usesTemplate(value)) {
    // By what its source has, of which the value with its defaults is made.
    const { valid, problems, access } = remembered(memory, document, () => checkServer(value, checks))
    return { value, valid, problems: problems.map(problemLine), access }
  }
  const expansion = expanded(value, templates)
  if ('problems' in expansion) return refused(expansion.problems)
  const { id } = document
  const { valid, problems } = remembered(memory, { id, value: expansion.value }, () =>
    checkServer(expansion.value, checks),
  )
  return valid === undefined
    ? refused(problems.map(expansion.lineOf))
    : { value: expansion.value, valid, problems: [], access: undefined }
}

function remembered(
  memory: ParseMemory<CheckedServer> | undefined,
  { id, value }: RegistryDocument,
  check: () => CheckedServer,
): CheckedServer {
  return memory === undefined ? check() : memory.checked(id, value, check)
}

/** The last good version, with those fields of the access part that the current document has. */
function underAccessPart(
  good: ServerDefinition,
  access: AccessPart,
  current: unknown,
): ServerDefinition | undefined {
  if (isBuiltinName(good.name)) return undefined
  const { isDiscovered, ...document } = good
  const given = Object.entries(access).filter(([field]) => isJsonObject(current) && field in current)
  const { data } = serverDocumentSchema.safeParse({ ...document, ...Object.fromEntries(given) })
  return data === undefined || isDiscovered === undefined ? data : { ...data, isDiscovered }
}

function quarantined(
  id: string,
  value: unknown,
  reason: string,
  defaultTenant: string | undefined,
): QuarantinedDocument {
  const { name, tenantId } = isJsonObject(value) ? value : { name: id, tenantId: defaultTenant }
  return {
    id,
    name: typeof name === 'string' ? name.slice(0, 64) : id,
    tenantId:
      typeof tenantId === 'string' && (tenantId === '*' || TENANT_ID.test(tenantId)) ? tenantId : undefined,
    reason,
    lastGoodServes: false,
  }
}

function shortened(text: string): string {
  return text.length <= MAX_REASON_LENGTH ? text : `${text.slice(0, MAX_REASON_LENGTH)}…`
}
