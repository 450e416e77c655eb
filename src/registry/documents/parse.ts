import { guarded } from '../../domain/errors/guarded.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { type Problem, problemLine, problemsOf } from '../../domain/documents/problems.ts'
import { TENANT_ID } from '../../domain/principal.ts'
import {
  accessPartSchema,
  isBuiltinName,
  type ServerDefinition,
  serverDocumentSchema,
} from '../../domain/documents/server-definition.ts'
import type { QuarantinedDocument, Snapshot } from '../../domain/snapshot.ts'
import { unfilledUrl } from '../../domain/documents/unfilled.ts'
import type { CheckedServer, ParseMemory } from './parse-memory.ts'
import { resolveNames, type Candidate } from './resolve-names.ts'

/** A document as its source has it, not checked yet. */
export interface RegistryDocument {
  readonly id: string
  readonly value: unknown
  /** Problems that its source has found; if this is set, the value is not checked further. */
  readonly problems?: readonly string[]
  /** Whether these problems leave open who may use the server, so that no earlier version of it may serve. */
  readonly isHidden?: boolean
}

/** The last valid version of each document, by document id. */
export type LastGood = ReadonlyMap<string, ServerDefinition>

/** The part of a snapshot that concerns servers. */
export type ServersSnapshot = Omit<Snapshot, 'templates' | 'pipelines' | 'enhancementRules'>

const MAX_DEPTH = 20
/** The maximum size of a Firestore document. */
const MAX_BYTES = 1_048_576
const MAX_REASON_LENGTH = 2000
const ACCESS_FIELDS = Object.keys(accessPartSchema.shape)

/**
 * Turns server documents into their part of a snapshot. An invalid document affects no other: it is quarantined with
 * every problem, and its last good version keeps serving under the access part of the current document. If the access
 * part is invalid, the server is hidden. Returns the last good versions for the next call.
 * @param options.defaultTenant tenant of documents that name none
 */
export function parseRegistry(options: {
  documents: readonly RegistryDocument[]
  defaultTenant: string
  previous: LastGood
  generation: number
  memory?: ParseMemory
}): { snapshot: ServersSnapshot; lastGood: LastGood } {
  const lastGood = new Map<string, ServerDefinition>()
  const candidates: Candidate[] = []
  const refused: QuarantinedDocument[] = []
  for (const document of options.documents) {
    const value = withDefaults(document, options.defaultTenant)
    const { valid, problems } =
      options.memory === undefined || document.problems !== undefined
        ? checkedServer(document, value)
        : options.memory.checked(document.id, value, () => checkedServer(document, value))
    const good = valid ?? options.previous.get(document.id)
    if (good !== undefined) lastGood.set(document.id, good)
    if (valid !== undefined) {
      candidates.push({ id: document.id, server: valid, reason: undefined })
      continue
    }
    const reason = shortened(problems.join('; '))
    const serving =
      good === undefined || document.isHidden === true ? undefined : underAccessPart(good, value)
    if (serving === undefined) refused.push(quarantined(document.id, value, reason, options.defaultTenant))
    else candidates.push({ id: document.id, server: serving, reason })
  }
  const { servers, quarantined: doubled } = resolveNames(candidates)
  return {
    snapshot: { generation: options.generation, servers, quarantined: [...refused, ...doubled] },
    lastGood,
  }
}

/** The server that a document defines, with defaults, or its problems; never throws. */
export function checkedServer(document: RegistryDocument, value: unknown): CheckedServer {
  const problems = document.problems ?? documentProblems(value).map(problemLine)
  if (problems.length > 0) return { valid: undefined, problems }
  return guarded<CheckedServer>(
    () => ({ valid: serverDocumentSchema.parse(value), problems }),
    (reason) => ({ valid: undefined, problems: [reason] }),
  )
}

/** Adds the name and the tenant if the document omits them: the name is its key, and the source knows the tenant. */
export function withDefaults({ id, value }: RegistryDocument, defaultTenant: string): unknown {
  if (!isJsonObject(value)) return value
  const isWhole = Object.hasOwn(value, 'name') && Object.hasOwn(value, 'tenantId')
  return isWhole ? value : { name: id, tenantId: defaultTenant, ...value }
}

/** All problems of a server document, each one once; never throws. */
export function documentProblems(value: unknown): Problem[] {
  return guarded(
    () => problemsOfServer(value),
    (text) => [{ path: '', text }],
  )
}

function problemsOfServer(value: unknown): Problem[] {
  const whole = problemOfWhole(value)
  if (whole !== undefined) return [whole]
  const access = isJsonObject(value) ? accessPartSchema.safeParse(value) : undefined
  const checked = serverDocumentSchema.safeParse(value)
  const issues = [...(access?.error?.issues ?? []), ...(checked.error?.issues ?? [])]
  const problems = [
    ...problemsOf({ issues }, serverDocumentSchema),
    ...(issues.length > 0 ? unfilledIn(value) : []),
  ]
  return [...new Map(problems.map((problem) => [problemLine(problem), problem])).values()]
}

/** The problem of a document that prevents its fields from being checked. */
function problemOfWhole(value: unknown): Problem | undefined {
  const structure = structureProblem(value)
  if (structure !== undefined) return { path: '', text: structure }
  if (isJsonObject(value) && isBuiltinName(value['name']))
    return { path: 'name', text: `"${String(value['name'])}" is the name of a built-in server` }
  const isTooLarge = Buffer.byteLength(JSON.stringify(value) ?? '') > MAX_BYTES
  return isTooLarge ? { path: '', text: `larger than ${MAX_BYTES} bytes` } : undefined
}

/** The problem of a URL that is invalid because it still contains a placeholder. */
function unfilledIn(value: unknown): Problem[] {
  const text = unfilledUrl(isJsonObject(value) ? value['url'] : undefined)
  return text === undefined ? [] : [{ path: 'url', text }]
}

/**
 * Problems that schemas cannot find: they ignore fields named `__proto__`, so a rule for a tool of that name would be
 * lost, and values that contain themselves (YAML aliases) never end.
 */
export function structureProblem(value: unknown, depth = 0): string | undefined {
  if (depth > MAX_DEPTH) return `more than ${MAX_DEPTH} levels deep`
  if (typeof value !== 'object' || value === null) return undefined
  if (Object.hasOwn(value, '__proto__')) return 'a field may not be named "__proto__"'
  for (const member of Object.values(value)) {
    const problem = structureProblem(member, depth + 1)
    if (problem !== undefined) return problem
  }
  return undefined
}

/** The last good version, with the access part of the current document; undefined if that part is invalid. */
function underAccessPart(good: ServerDefinition, value: unknown): ServerDefinition | undefined {
  return guarded<ServerDefinition | undefined>(
    () => mergedWithAccess(good, value),
    () => undefined,
  )
}

function mergedWithAccess(good: ServerDefinition, value: unknown): ServerDefinition | undefined {
  if (structureProblem(value) !== undefined || isBuiltinName(good.name)) return undefined
  const access = accessPartSchema.safeParse(value)
  if (!access.success) return undefined
  const rest = Object.entries(good).filter(([field]) => !ACCESS_FIELDS.includes(field))
  const merged = serverDocumentSchema.safeParse({ ...Object.fromEntries(rest), ...access.data })
  return merged.data
}

function quarantined(id: string, value: unknown, reason: string, defaultTenant: string): QuarantinedDocument {
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
