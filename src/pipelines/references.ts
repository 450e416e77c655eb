import { guarded } from '../domain/errors/guarded.ts'
import { PIPELINE_SERVER, type PipelineDefinition } from '../domain/documents/pipeline-definition.ts'
import { ALL_TENANTS } from '../domain/principal.ts'
import { isBuiltinName } from '../domain/documents/server-definition.ts'
import { type QuarantinedDocument, serverNamed, type Snapshot } from '../domain/snapshot.ts'
import { loopsAmong } from './loops.ts'

const PREFIX = `${PIPELINE_SERVER}_`
/** How many steps are looked at to say how pipelines call themselves; of more it is only said that they do. */
const MAX_LOOKED_AT = 50_000

type Refused = readonly [id: string, pipeline: PipelineDefinition, reason: string]

/**
 * A snapshot without the pipelines that name servers or pipelines that there are not, or that would call themselves;
 * they are quarantined, with the places. What servers offer is known later.
 */
export function withResolvedPipelines(snapshot: Snapshot): Snapshot {
  if (snapshot.pipelines.size === 0) return snapshot
  const pipelines = new Map(snapshot.pipelines)
  const references = new References(snapshot, pipelines.values())
  const refused: QuarantinedDocument[] = []
  // A pipeline that is refused is one less for the others, which may then be refused themselves.
  for (let found = references.problemsAmong(pipelines); found.length > 0;) {
    for (const [id, pipeline, reason] of found) {
      pipelines.delete(id)
      references.remove(pipeline)
      const { tenantId } = pipeline
      const path = `pipelines/${id.slice(0, 128)}`
      refused.push({ id: path, name: path, tenantId, reason: reason.slice(0, 2000), lastGoodServes: false })
    }
    const users = new Set(found.flatMap(([, pipeline]) => references.usersOf(pipeline)))
    found =
      users.size === 0 ? [] : references.problemsAmong([...pipelines].filter(([, each]) => users.has(each)))
  }
  return refused.length === 0
    ? snapshot
    : { ...snapshot, pipelines, quarantined: [...snapshot.quarantined, ...refused] }
}

/** What a pipeline names that there is not, with the places; it need not be in the snapshot itself. */
export function referenceProblems(pipeline: PipelineDefinition, snapshot: Snapshot): string[] {
  const { tenantId, name } = pipeline
  const others = [...snapshot.pipelines.values()].filter(
    (other) => other.tenantId !== tenantId || other.name !== name,
  )
  return new References(snapshot, [...others, pipeline]).problemsOf(pipeline)
}

/** What pipelines name, and by which of them they are named. */
class References {
  readonly #snapshot: Snapshot
  readonly #serverNames: ReadonlySet<string>
  readonly #named = new Map<string, PipelineDefinition>()
  readonly #users = new Map<PipelineDefinition, Set<PipelineDefinition>>()
  readonly #loops: ReadonlyMap<PipelineDefinition, number>
  #lookedAt = 0

  constructor(snapshot: Snapshot, pipelines: Iterable<PipelineDefinition>) {
    const all = [...pipelines]
    this.#snapshot = snapshot
    this.#serverNames = new Set(Array.from(snapshot.servers.values(), ({ name }) => name))
    for (const pipeline of all) this.#named.set(keyOf(pipeline.tenantId, pipeline.name), pipeline)
    for (const pipeline of all) {
      for (const used of this.#usedBy(pipeline)) {
        const users = this.#users.get(used)
        if (users === undefined) this.#users.set(used, new Set([pipeline]))
        else users.add(pipeline)
      }
    }
    this.#loops = loopsAmong(all, (pipeline) => this.#usedBy(pipeline))
  }

  usersOf(pipeline: PipelineDefinition): PipelineDefinition[] {
    return [...(this.#users.get(pipeline) ?? [])]
  }

  remove({ tenantId, name }: PipelineDefinition): void {
    this.#named.delete(keyOf(tenantId, name))
  }

  problemsAmong(pipelines: Iterable<readonly [string, PipelineDefinition]>): Refused[] {
    return [...pipelines].flatMap(([id, pipeline]): Refused[] => {
      const problems = guarded(
        () => this.problemsOf(pipeline),
        (reason) => [reason],
      )
      return problems.length === 0 ? [] : [[id, pipeline, problems.join('; ')]]
    })
  }

  problemsOf(pipeline: PipelineDefinition): string[] {
    return pipeline.steps.flatMap(({ tool }, index) => {
      if (tool === undefined) return []
      const problem = this.#problemOfTool(tool, pipeline)
      return problem === undefined ? [] : [`steps[${index}].tool: ${problem}`]
    })
  }

  #problemOfTool(tool: string, pipeline: PipelineDefinition): string | undefined {
    const split = tool.indexOf('_')
    if (split < 1 || split === tool.length - 1) return 'expected <server>_<tool>'
    const server = tool.slice(0, split)
    if (server === PIPELINE_SERVER) return this.#problemOfNested(tool.slice(PREFIX.length), pipeline)
    if (isBuiltinName(server) || this.#hasServer(pipeline.tenantId, server)) return undefined
    return `unknown server ${server}`
  }

  /** A pipeline for all tenants uses what its caller's tenant has. */
  #hasServer(tenantId: string, name: string): boolean {
    if (tenantId === ALL_TENANTS) return this.#serverNames.has(name)
    return serverNamed(this.#snapshot, tenantId, name) !== undefined
  }

  #problemOfNested(name: string, pipeline: PipelineDefinition): string | undefined {
    const used = this.#find(pipeline.tenantId, name)
    if (used === undefined) return `unknown pipeline ${name}`
    if (this.#loops.get(used) !== this.#loops.get(pipeline)) return undefined
    const loop = this.#wayTo(pipeline, used)
    return `the pipeline would call itself${loop && `: ${[pipeline.name, ...loop].join(' → ')}`}`
  }

  /** What is for all tenants calls only what is for all tenants, so that no tenant can make it call itself. */
  #find(tenantId: string, name: string): PipelineDefinition | undefined {
    return this.#named.get(keyOf(tenantId, name)) ?? this.#named.get(keyOf(ALL_TENANTS, name))
  }

  #usedBy({ tenantId, steps }: PipelineDefinition): PipelineDefinition[] {
    return steps.flatMap(({ tool }) =>
      tool?.startsWith(PREFIX) === true ? (this.#find(tenantId, tool.slice(PREFIX.length)) ?? []) : [],
    )
  }

  /** The names of the pipelines that lead from one to another, both included; empty when that takes too long. */
  #wayTo(target: PipelineDefinition, from: PipelineDefinition): readonly string[] | '' {
    const before = new Map<PipelineDefinition, PipelineDefinition | undefined>([[from, undefined]])
    for (const [each] of before) {
      if (each === target) return wayBack(before, target)
      for (const used of this.#usedBy(each)) {
        this.#lookedAt += 1
        if (!before.has(used)) before.set(used, each)
      }
      if (this.#lookedAt > MAX_LOOKED_AT) return ''
    }
    return ''
  }
}

function wayBack(
  before: ReadonlyMap<PipelineDefinition, PipelineDefinition | undefined>,
  target: PipelineDefinition,
): string[] {
  const names: string[] = []
  for (let each: PipelineDefinition | undefined = target; each !== undefined; each = before.get(each))
    names.push(each.name)
  return names.toReversed()
}

function keyOf(tenantId: string, name: string): string {
  return `${tenantId}/${name}`
}
