import { guarded } from '../../domain/errors/guarded.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { type PipelineDefinition, pipelineSchema } from '../../domain/documents/pipeline-definition.ts'
import { problemLine, problemsOf } from '../../domain/documents/problems.ts'
import { ALL_TENANTS } from '../../domain/principal.ts'
import type { QuarantinedDocument } from '../../domain/snapshot.ts'
import { planOf } from '../../pipelines/plan.ts'
import { onceEach } from './parse-memory.ts'
import { parseRaw, rawRefusal } from './parse-raw.ts'
import { ownerOf } from '../tenants.ts'

const MAX_REASON_LENGTH = 2000

/**
 * Parses pipelines; invalid ones are quarantined with every problem and its place. Like those of servers, names are
 * unique within a tenant plus `*`.
 */
export function parsePipelines(documents: ReadonlyMap<string, JsonObject>): {
  valid: Map<string, PipelineDefinition>
  quarantined: QuarantinedDocument[]
} {
  const checked = [...documents].map(([id, document]) => ({ id, document, ...parsePipeline(document) }))
  const holders = new Map<string, string>()
  for (const { id, definition } of checked) {
    const key = definition && `${definition.tenantId}/${definition.name}`
    if (key !== undefined && !holders.has(key)) holders.set(key, id)
  }
  const valid = new Map<string, PipelineDefinition>()
  const quarantined: QuarantinedDocument[] = []
  for (const { id, document, definition, problems } of checked) {
    const reasons = definition === undefined ? problems : takenBy(id, definition, holders)
    if (definition !== undefined && reasons.length === 0) valid.set(id, definition)
    else {
      const reason = reasons.join('; ').slice(0, MAX_REASON_LENGTH)
      quarantined.push(rawRefusal('pipelines', id, ownerOf(document), reason))
    }
  }
  return { valid, quarantined }
}

/** A checked pipeline, or all problems for which a source refuses its document. */
export function checkedPipeline(document: JsonObject): CheckedPipeline {
  const raw = parseRaw('pipelines', [{ id: String(document['name']), value: document }], {
    defaultTenant: undefined,
  })
  const [refused] = raw.quarantined
  if (refused !== undefined) return { definition: undefined, problems: refused.reason.split('; ') }
  return parsePipeline(document)
}

interface CheckedPipeline {
  readonly definition: PipelineDefinition | undefined
  readonly problems: readonly string[]
}

/** The pipeline that a document defines by itself, or its problems; never throws. */
export const parsePipeline = onceEach((document: JsonObject) =>
  guarded<CheckedPipeline>(
    () => readPipeline(document),
    (reason) => ({ definition: undefined, problems: [reason] }),
  ),
)

function readPipeline(document: unknown): CheckedPipeline {
  const { data, error } = pipelineSchema.safeParse(document)
  if (data === undefined)
    return { definition: undefined, problems: problemsOf(error, pipelineSchema).map(problemLine) }
  const planned = planOf(data)
  return 'plan' in planned
    ? { definition: data, problems: [] }
    : { definition: undefined, problems: planned.problems.map(problemLine) }
}

function takenBy(
  id: string,
  { tenantId, name }: PipelineDefinition,
  holders: ReadonlyMap<string, string>,
): string[] {
  const ofAll = holders.get(`${ALL_TENANTS}/${name}`)
  if (ofAll !== undefined && tenantId !== ALL_TENANTS)
    return [`name: ${name} is already taken by a pipeline for all tenants`]
  const holder = holders.get(`${tenantId}/${name}`)
  return holder === id ? [] : [`name: ${name} is already taken by pipelines/${holder}`]
}
