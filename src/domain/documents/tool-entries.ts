import { z } from 'zod'
import { agentAllowlist, requiredRoles } from './document-fields.ts'
import { patternProblems, resultPatterns, resultPreview } from './result-rules.ts'
import { isJsonObject } from '../json/json.ts'
import { toolApproval } from './tool-approval.ts'
import { shapingProblems } from './tool-shaping.ts'

const DAY_MS = 86_400_000
const MAX_ENTRIES = 1000
/** Over all entries that are patterns: each of them is looked at for each tool that matches. */
const MAX_PATTERN_ARGUMENTS = 1000

const TOOL_NAME = /^[A-Za-z0-9_.-]{1,128}$/
const argumentName = z.string().min(1).max(128)
const MAX_REDACTING = 20
const SHAPING = ['defaults', 'fixed', 'arguments'] as const

const toolOverride = z.strictObject({
  requiredRoles: requiredRoles.optional(),
  agentAllowlist: agentAllowlist.optional(),
  scopes: z
    .array(z.string().min(1).max(256))
    .min(1, 'an empty list is refused: leave the field out if no scope is needed')
    .max(256)
    .optional(),
  /** Whose yes each call needs. */
  approval: toolApproval.optional(),
  title: z.string().min(1).max(200).optional(),
  description: z.string().min(1).max(4000).optional(),
  timeoutMs: z.int().min(1).max(300_000).optional(),
  /** For a whole call whose progress extends `timeoutMs`. */
  maxTotalMs: z.int().min(1).max(3_600_000).optional(),
  cacheTtlMs: z.int().min(1).max(DAY_MS).optional(),
  /** The name under which callers know the tool, after the server's. Only of a tool that is named exactly. */
  name: z
    .string()
    .regex(TOOL_NAME, 'expected a name of at most 128 letters, digits, "_", "." and "-"')
    .optional(),
  /** Arguments, by the server's own names, for callers that give none. They stay in the schema, with these defaults. */
  defaults: z.record(argumentName, z.unknown()).optional(),
  /** Arguments, by the server's own names, that callers do not see, and cannot change. */
  fixed: z.record(argumentName, z.unknown()).optional(),
  /** The server's own names of arguments, by the names that callers know. */
  arguments: z.record(argumentName, argumentName).optional(),
  /** Of a result as JSON. */
  maxResultBytes: z.int().min(100).max(100_000_000).optional(),
  /** Results that are larger are given as a preview, with a link to the whole. */
  preview: resultPreview.optional(),
  /** What is taken out of results. */
  redact: resultPatterns.optional(),
  /** Whether clients are told that results come from third parties. */
  untrusted: z.boolean().optional(),
  /** Whether a call that may have run may be sent again; says the server itself by default (`idempotentHint`). */
  idempotent: z.boolean().optional(),
  /** Arguments that are prompts, by the names that callers know: they are improved before the call (Ollama). */
  enhance: z.array(argumentName).max(8).optional(),
})

/** What an operator sets for one tool, or for the tools that match a pattern. */
export type ToolOverride = z.output<typeof toolOverride>

const toolPattern = z.string().min(1).max(128)

/** Counted before anything is checked, so that a huge map costs nothing more. */
const fewEntries = z.unknown().superRefine((value, context) => {
  const redacting = isJsonObject(value)
    ? Object.values(value).filter((each) => isJsonObject(each) && 'redact' in each)
    : []
  if (redacting.length > MAX_REDACTING)
    context.addIssue({
      code: 'custom',
      message: `more than ${MAX_REDACTING} entries have redact`,
      continue: false,
    })
  if (isJsonObject(value) && Object.keys(value).length > MAX_ENTRIES)
    context.addIssue({ code: 'custom', message: `more than ${MAX_ENTRIES} entries`, continue: false })
})

/** `include` and `exclude` are lists of patterns; every other key is a tool name or pattern with its override. */
export const toolEntries = fewEntries.pipe(
  z
    .record(toolPattern, z.union([z.array(toolPattern).max(MAX_ENTRIES), toolOverride]))
    .superRefine((value, context) => {
      const overrides = Object.entries(value).filter(
        (entry): entry is [string, ToolOverride] => !Array.isArray(entry[1]),
      )
      for (const problem of patternProblems(Object.fromEntries(overrides)))
        context.addIssue({ code: 'custom', ...problem })
      let patternArguments = 0
      for (const [key, member] of Object.entries(value)) {
        if (!Array.isArray(member)) {
          for (const problem of shapingProblems(key, member)) context.addIssue({ code: 'custom', ...problem })
          if (key.includes('*')) patternArguments += argumentsIn(member)
        } else if (key !== 'include' && key !== 'exclude') {
          context.addIssue({
            code: 'custom',
            path: [key],
            message: 'expected an override object, not a list',
          })
        }
      }
      if (patternArguments > MAX_PATTERN_ARGUMENTS) {
        const message = `entries that are patterns name more than ${MAX_PATTERN_ARGUMENTS} arguments`
        context.addIssue({ code: 'custom', message })
      }
    }),
)

/** The checked `tools` of a server document: selection lists and overrides, by key. */
export type ToolEntries = z.output<typeof toolEntries>

function argumentsIn(override: ToolOverride): number {
  return SHAPING.reduce((sum, field) => sum + Object.keys(override[field] ?? {}).length, 0)
}
