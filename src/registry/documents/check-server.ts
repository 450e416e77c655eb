import type { z } from 'zod'
import { guarded } from '../../domain/errors/guarded.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import { fieldsAt, misspelledFields } from '../../domain/documents/field-names.ts'
import { type Problem, problemLine, problemsOf } from '../../domain/documents/problems.ts'
import {
  accessPartSchema,
  isBuiltinName,
  type ServerDefinition,
  serverDocumentSchema,
} from '../../domain/documents/server-definition.ts'
import { unfilledUrl } from '../../domain/documents/unfilled.ts'

/** The part of a server document that says who may use the server, with defaults. */
export type AccessPart = z.output<typeof accessPartSchema>

/** The server that a document defines, with defaults, or its problems. */
export interface CheckedServer {
  readonly valid: ServerDefinition | undefined
  /** Each one once; none if the document is valid. */
  readonly problems: readonly Problem[]
  /** Of a document with problems, unless this part may have one, too. */
  readonly access?: AccessPart | undefined
}

const SERVER_FIELDS = fieldsAt(serverDocumentSchema, [])
const MAX_DEPTH = 20
/** The maximum size of a Firestore document. */
const MAX_BYTES = 1_048_576

/** What the settings of a gateway forbid of a server that is valid by itself. */
export type ServerRules = (server: ServerDefinition) => readonly Problem[]

/** How the documents of one source are checked. */
export interface Checks {
  /** By default nothing is forbidden. */
  readonly rules?: ServerRules | undefined
  /** Whether a cluster stands for the documents. */
  readonly isDiscovered?: true | undefined
}

/** Checks a server document with all its defaults; never throws. */
export function checkServer(value: unknown, checks: Checks = {}): CheckedServer {
  return guarded<CheckedServer>(
    () => checked(value, checks),
    (text) => ({ valid: undefined, problems: [{ path: '', text }] }),
  )
}

/**
 * The access part of a document whose other parts cannot be used; undefined if it is invalid, too, or if the document
 * has an unknown field that was probably meant for it. Never throws.
 */
export function accessPart(value: unknown): AccessPart | undefined {
  return guarded<AccessPart | undefined>(
    () =>
      structureProblem(value) !== undefined || misspellsAccess(value)
        ? undefined
        : accessPartSchema.safeParse(value).data,
    () => undefined,
  )
}

function misspellsAccess(value: unknown): boolean {
  return (
    isJsonObject(value) &&
    misspelledFields(value, SERVER_FIELDS).some((field) => field in accessPartSchema.shape)
  )
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

function checked(value: unknown, { rules, isDiscovered }: Checks): CheckedServer {
  const whole = problemOfWhole(value)
  if (whole !== undefined) return { valid: undefined, problems: [whole], access: accessPart(value) }
  const { data, error } = serverDocumentSchema.safeParse(value)
  if (data !== undefined) {
    const server: ServerDefinition = isDiscovered === true ? { ...data, isDiscovered } : data
    const forbidden = rules?.(server) ?? []
    if (forbidden.length === 0) return { valid: server, problems: [] }
    return { valid: undefined, problems: forbidden, access: accessPart(value) }
  }
  // Of a document whose kind is not known the schema checks nothing else.
  const { error: ofAccess } = isJsonObject(value) ? accessPartSchema.safeParse(value) : {}
  const issues = [...(ofAccess?.issues ?? []), ...error.issues]
  const problems = [...problemsOf({ issues }, serverDocumentSchema), ...unfilledIn(value)]
  const once = new Map(problems.map((problem) => [problemLine(problem), problem]))
  return { valid: undefined, problems: [...once.values()], access: accessPart(value) }
}

/** The problem of a document beside which those of its fields do not matter. */
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
