import type { Catalog } from '../../catalog/catalog.ts'
import type { CatalogItem } from '../../catalog/server-catalog.ts'
import { isForModels } from '../../catalog/ui-tools.ts'
import { serverPart } from '../../catalog/catalog.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { serverNamed } from '../../domain/snapshot.ts'
import type { PipelinePlan, PlannedStep } from '../../pipelines/plan.ts'
import type { Known } from '../../pipelines/template.ts'
import { checkArguments } from '../../calls/argument-check.ts'

/** What is wrong with pipelines as far as servers have said what they offer; looked at again when that changes. */
export class PipelineCheck {
  readonly #catalog: Catalog
  #known = new WeakMap<PipelinePlan, Map<string, readonly string[]>>()

  constructor(options: { catalog: Catalog }) {
    this.#catalog = options.catalog
    options.catalog.onChange(() => (this.#known = new WeakMap()))
  }

  /** What is wrong with a pipeline in a tenant, with the places. Servers that have not answered yet are believed. */
  problemsOf(plan: PipelinePlan, tenantId: string): readonly string[] {
    const ofPlan = this.#known.get(plan) ?? new Map<string, readonly string[]>()
    this.#known.set(plan, ofPlan)
    let problems = ofPlan.get(tenantId)
    if (problems === undefined) {
      problems = plan.steps.flatMap((step, index) => this.#problemsOfStep(step, `steps[${index}]`, tenantId))
      ofPlan.set(tenantId, problems)
    }
    return problems
  }

  #problemsOfStep(step: PlannedStep, path: string, tenantId: string): string[] {
    if (step.tool === undefined) return []
    const item = this.#catalog.find('tool', tenantId, undefined, step.tool)
    if (item === undefined) return this.#problemsOfMissing(step.tool, `${path}.tool`, tenantId)
    if (!isForModels(item.listed)) return [`${path}.tool: ${step.tool} can only be called by its app`]
    return argumentProblems(step.arguments.known, item, `${path}.arguments`)
  }

  #problemsOfMissing(tool: string, path: string, tenantId: string): string[] {
    const name = serverPart(tool)
    const server = serverNamed(this.#catalog.snapshot, tenantId, name)
    if (server === undefined) return [`${path}: unknown server ${name}`]
    if (this.#catalog.catalogOf(server) === undefined) return []
    return [`${path}: server ${name} has no tool ${tool.slice(name.length + 1)}`]
  }
}

function argumentProblems(known: Known, { listed }: CatalogItem, path: string): string[] {
  const schema = listed['inputSchema']
  if (known.kind !== 'object' || !isJsonObject(schema)) return []
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {}
  const required: readonly unknown[] = Array.isArray(schema['required']) ? schema['required'] : []
  const missing = required
    .filter((name) => typeof name === 'string' && !Object.hasOwn(known.members, name))
    .map((name) => `${path}: the tool requires ${String(name)}`)
  const unknown =
    schema['additionalProperties'] === false
      ? Object.keys(known.members)
          .filter((name) => !Object.hasOwn(properties, name))
          .map((name) => `${path}.${name}: the tool has no such argument`)
      : []
  const wrong = Object.entries(known.members).flatMap(([name, member]) =>
    Object.hasOwn(properties, name) ? typeProblems(member, name, schema, path) : [],
  )
  return [...missing, ...unknown, ...wrong]
}

/** What a value that is known says of its type; of a text with expressions in it only that it is a text. */
function typeProblems(member: Known, name: string, schema: JsonObject, path: string): string[] {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {}
  const own = properties[name]
  if (member.kind === 'text') {
    const types = isJsonObject(own) ? [own['type']].flat() : []
    return types.length === 0 || types.includes(undefined) || types.includes('string')
      ? []
      : [`${path}.${name}: expected ${types.join(' or ')}, received string`]
  }
  const value = valueOf(member)
  if (value === undefined) return []
  const { required: _required, ...rest } = schema
  try {
    checkArguments({ inputSchema: { ...rest, properties: { [name]: own } } }, { [name]: value.value })
    return []
  } catch (error) {
    const problems = error instanceof GatewayError ? (error.facts.problems ?? []) : []
    return problems.map((problem) => problem.replace(/^arguments/, path).replace(' ', ': '))
  }
}

/** The value of a template that holds no expression. */
function valueOf(known: Known): { readonly value: unknown } | undefined {
  if (known.kind === 'value') return known
  if (known.kind !== 'object') return undefined
  const members = Object.entries(known.members).map(([key, member]) => [key, valueOf(member)] as const)
  if (members.some(([, member]) => member === undefined)) return undefined
  return { value: Object.fromEntries(members.map(([key, member]) => [key, member?.value])) }
}
