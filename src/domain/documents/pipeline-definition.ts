import { z } from 'zod'
import { agentAllowlist, documentName, documentOwner, requiredRoles } from './document-fields.ts'
import { isJsonObject, type JsonObject } from '../json/json.ts'
import { ALL_TENANTS } from '../principal.ts'
import { toolApproval } from './tool-approval.ts'

/** `^[a-z][a-z0-9_]{0,39}$`: no hyphen, so that a step's id needs no quotes in an expression. */
const STEP_ID = /^[a-z][a-z0-9_]{0,39}$/
const STEP_ID_TEXT =
  'expected an id of at most 40 lower-case letters, digits and "_" that begins with a letter'
const MAX_MS = 300_000
const MAX_STEPS = 50

/** Not record schemas: those would drop members of some names. */
const jsonObject = z.custom<JsonObject>(isJsonObject, 'expected object')
const expression = z.string().min(1).max(1000)

const pipelineStep = z
  .strictObject({
    id: z.string().regex(STEP_ID, STEP_ID_TEXT),
    description: z.string().max(1000).optional(),
    /** The tool that is called, as callers know it: `<server>_<tool>`. */
    tool: z.string().min(1).max(128).optional(),
    /** In place of a tool: the prompt that is improved, and the name of the client whose rule counts. Templates. */
    enhance: z.strictObject({ prompt: z.string().min(1), client: z.string().min(1).optional() }).optional(),
    /** Templates. */
    arguments: jsonObject.optional(),
    /** The step is skipped where this is false, null or empty. */
    when: expression.optional(),
    /** A list; the step is done for each `item` of it, with its `index`. */
    forEach: expression.optional(),
    /** Items that are under way at the same time. */
    concurrency: z.int().min(1).max(16).default(1),
    /** Says, too, that the step may run again. */
    retry: z
      .strictObject({
        /** How often it is tried at most, the first time included. */
        maxAttempts: z.int().min(2).max(10).default(3),
        /** Before the first repetition, and twice as long before each further one. */
        delayMs: z.int().min(0).max(60_000).default(500),
      })
      .optional(),
    onError: z.enum(['fail', 'continue', 'default']).default('fail'),
    /** A template: what stands for the result of a step that failed, with `onError: default`. */
    default: z.unknown().optional(),
    /** Of the whole step, with all its items and attempts. */
    timeoutMs: z.int().min(1).max(MAX_MS).optional(),
  })
  .superRefine((step, context) => {
    const problem = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message })
    if ((step.tool === undefined) === (step.enhance === undefined))
      problem('tool', 'give either tool or enhance')
    if (step.enhance !== undefined && step.arguments !== undefined)
      problem('arguments', 'have no effect together with enhance')
    if ((step.onError === 'default') !== (step.default !== undefined))
      problem('default', 'requires onError: default')
    if (step.concurrency > 1 && step.forEach === undefined)
      problem('concurrency', 'has no effect without forEach')
  })

/** A document of `pipelines`: a declared chain of calls that callers see as one tool, `pipeline_<name>`. */
export const pipelineSchema = z
  .strictObject({
    name: documentName,
    tenantId: documentOwner,
    title: z.string().min(1).max(200).optional(),
    description: z.string().max(4000).optional(),
    enabled: z.boolean().default(true),
    requiredRoles: requiredRoles.optional(),
    agentAllowlist: agentAllowlist.optional(),
    /** Whose yes each run needs, before its first step. */
    approval: toolApproval.optional(),
    /** JSON Schema (2020-12) of what callers give; top-level defaults are filled in. */
    inputSchema: jsonObject.default({ type: 'object' }),
    /** One after the other. */
    steps: z.array(pipelineStep).min(1).max(MAX_STEPS),
    /** A template; by default the result of the last step. */
    output: z.unknown().optional(),
    /** Of the whole run. */
    timeoutMs: z.int().min(1).max(MAX_MS).default(MAX_MS),
  })
  .superRefine(({ steps, inputSchema }, context) => {
    if (inputSchema['type'] !== 'object')
      context.addIssue({ code: 'custom', path: ['inputSchema', 'type'], message: 'expected "object"' })
    const ids = steps.map(({ id }) => id)
    for (const [index, id] of ids.entries()) {
      if (ids.indexOf(id) < index)
        context.addIssue({
          code: 'custom',
          path: ['steps', index, 'id'],
          message: 'another step has this id',
        })
    }
  })

/** A checked document of `pipelines`. */
export type PipelineDefinition = z.output<typeof pipelineSchema>
/** One step of a checked pipeline. */
export type PipelineStep = z.output<typeof pipelineStep>

/** The server of the gateway's own whose tools are the pipelines. */
export const PIPELINE_SERVER = 'pipeline'

/** The pipelines that a tenant has, by name: those for all, and its own before them. */
export function pipelinesOf(
  pipelines: Iterable<PipelineDefinition>,
  tenantId: string,
): Map<string, PipelineDefinition> {
  const all = [...pipelines]
  const of = (owner: string): (readonly [string, PipelineDefinition])[] =>
    all.filter((each) => each.tenantId === owner).map((each) => [each.name, each])
  return new Map([...of(ALL_TENANTS), ...of(tenantId)])
}
