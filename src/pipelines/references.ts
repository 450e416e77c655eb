import { guarded } from '../domain/errors/guarded.ts'
import {
  PIPELINE_SERVER,
  type PipelineDefinition,
  pipelinesOf,
} from '../domain/documents/pipeline-definition.ts'
import { ALL_TENANTS } from '../domain/principal.ts'
import { isBuiltinName } from '../domain/documents/server-definition.ts'
import { type QuarantinedDocument, serverNamed, type Snapshot } from '../domain/snapshot.ts'

const PREFIX = `${PIPELINE_SERVER}_`

/**
 * A snapshot without the pipelines that name servers or pipelines that there are not, or that would call themselves;
 * they are quarantined, with the places. What servers offer is known later.
 */
export function withResolvedPipelines(snapshot: Snapshot): Snapshot {
  if (snapshot.pipelines.size === 0) return snapshot
  const pipelines = new Map(snapshot.pipelines)
  const refused: QuarantinedDocument[] = []
  // A pipeline that is refused is one less for the others, which may then be refused themselves.
  for (let found = problemsAmong(pipelines, snapshot); found.length > 0;) {
    for (const [id, { tenantId }, reason] of found) {
      pipelines.delete(id)
      const path = `pipelines/${id.slice(0, 128)}`
      refused.push({ id: path, name: path, tenantId, reason: reason.slice(0, 2000), lastGoodServes: false })
    }
    found = problemsAmong(pipelines, snapshot)
  }
  return refused.length === 0
    ? snapshot
    : { ...snapshot, pipelines, quarantined: [...snapshot.quarantined, ...refused] }
}

function problemsAmong(
  pipelines: ReadonlyMap<string, PipelineDefinition>,
  snapshot: Snapshot,
): (readonly [string, PipelineDefinition, string])[] {
  return [...pipelines].flatMap(([id, pipeline]) => {
    const problems = guarded(
      () => referenceProblems(pipeline, { ...snapshot, pipelines }),
      (reason) => [reason],
    )
    return problems.length === 0 ? [] : [[id, pipeline, problems.join('; ')] as const]
  })
}

/** What a pipeline names that there is not, with the places; it need not be in the snapshot itself. */
export function referenceProblems(pipeline: PipelineDefinition, snapshot: Snapshot): string[] {
  return pipeline.steps.flatMap(({ tool }, index) => {
    if (tool === undefined) return []
    const problem = problemOfTool(tool, pipeline, snapshot)
    return problem === undefined ? [] : [`steps[${index}].tool: ${problem}`]
  })
}

function problemOfTool(tool: string, pipeline: PipelineDefinition, snapshot: Snapshot): string | undefined {
  const split = tool.indexOf('_')
  if (split < 1 || split === tool.length - 1) return 'expected <server>_<tool>'
  const server = tool.slice(0, split)
  if (server === PIPELINE_SERVER) return problemOfNested(tool.slice(PREFIX.length), pipeline, snapshot)
  if (isBuiltinName(server) || hasServer(snapshot, pipeline.tenantId, server)) return undefined
  return `unknown server ${server}`
}

/** A pipeline for all tenants uses what its caller's tenant has. */
function hasServer(snapshot: Snapshot, tenantId: string, name: string): boolean {
  if (tenantId !== ALL_TENANTS) return serverNamed(snapshot, tenantId, name) !== undefined
  return [...snapshot.servers.values()].some((server) => server.name === name)
}

/** What is for all tenants calls only what is for all tenants, so that no tenant can make it call itself. */
function problemOfNested(
  name: string,
  pipeline: PipelineDefinition,
  { pipelines }: Snapshot,
): string | undefined {
  const all = pipelinesOf(pipelines.values(), pipeline.tenantId).set(pipeline.name, pipeline)
  if (!all.has(name)) return `unknown pipeline ${name}`
  const loop = wayTo(pipeline.name, name, all)
  return loop && `the pipeline would call itself: ${[pipeline.name, ...loop].join(' → ')}`
}

/** The pipelines that lead from one to another, both included; undefined when none do. */
function wayTo(
  target: string,
  from: string,
  pipelines: ReadonlyMap<string, PipelineDefinition>,
  seen = new Set<string>(),
): string[] | undefined {
  if (from === target) return [from]
  if (seen.has(from)) return undefined
  seen.add(from)
  for (const { tool } of pipelines.get(from)?.steps ?? []) {
    if (tool?.startsWith(PREFIX) !== true) continue
    const rest = wayTo(target, tool.slice(PREFIX.length), pipelines, seen)
    if (rest !== undefined) return [from, ...rest]
  }
  return undefined
}
