import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { PipelineDefinition, PipelineStep } from '../domain/documents/pipeline-definition.ts'
import type { Problem } from '../domain/documents/problems.ts'
import { compileExpression, type Expression } from './expression.ts'
import type { ScopeNames } from './expression-rules.ts'
import type { Fuel } from './fuel.ts'
import { compileTemplate, objectTemplate, type Template } from './template.ts'

/** One step, ready to run. */
export interface PlannedStep {
  readonly id: string
  readonly definition: PipelineStep
  /** As callers know it; undefined for the enhancer. */
  readonly tool: string | undefined
  readonly arguments: Template & { render(scope: JsonObject, fuel?: Fuel): JsonObject }
  readonly when: Expression | undefined
  readonly forEach: Expression | undefined
  /** What stands for a result that there is not. */
  readonly fallback: Template | undefined
}

/** A pipeline, ready to run. */
export interface PipelinePlan {
  readonly definition: PipelineDefinition
  readonly steps: readonly PlannedStep[]
  readonly output: Template | undefined
}

type Place = { readonly path: string; readonly names: ScopeNames; readonly problems: Problem[] }

/**
 * What a pipeline does, or everything that is wrong with it by itself, with the places. A step may look at those before
 * it only, so that nothing can wait for itself.
 */
export function planOf(
  definition: PipelineDefinition,
): { readonly plan: PipelinePlan } | { readonly problems: readonly Problem[] } {
  const problems: Problem[] = []
  const ids = definition.steps.map(({ id }) => id)
  const inputs = inputsOf(definition)
  const namesAt = (index: number): ScopeNames => ({
    steps: new Set(ids.slice(0, index)),
    laterSteps: new Set(ids.slice(index)),
    inputs,
    hasItem: false,
  })
  const steps = definition.steps.map((step, index) =>
    plannedStep(step, { path: `steps[${index}]`, names: namesAt(index), problems }),
  )
  const output =
    definition.output === undefined
      ? undefined
      : compileTemplate(definition.output, { path: 'output', names: namesAt(ids.length), problems })
  return problems.length === 0 ? { plan: { definition, steps, output } } : { problems: distinct(problems) }
}

function plannedStep(step: PipelineStep, { path, names, problems }: Place): PlannedStep {
  const ofItem = { ...names, hasItem: step.forEach !== undefined }
  const given = step.enhance ?? step.arguments ?? {}
  const member = step.enhance === undefined ? 'arguments' : 'enhance'
  const at = (field: string): string => `${path}.${field}`
  return {
    id: step.id,
    definition: step,
    tool: step.tool,
    arguments: objectTemplate(given, { path: at(member), names: ofItem, problems }),
    when: expressionAt(step.when, { path: at('when'), names, problems }),
    forEach: expressionAt(step.forEach, { path: at('forEach'), names, problems }),
    fallback:
      step.default === undefined
        ? undefined
        : compileTemplate(step.default, { path: at('default'), names: ofItem, problems }),
  }
}

function expressionAt(text: string | undefined, { path, names, problems }: Place): Expression | undefined {
  if (text === undefined) return undefined
  const compiled = compileExpression(text, names)
  if ('evaluate' in compiled) return compiled
  problems.push(...compiled.map((finding) => ({ path, text: finding })))
  return undefined
}

/** The names that callers can give, where the schema says that there are no others or names some. */
function inputsOf({ inputSchema }: PipelineDefinition): Set<string> | undefined {
  const { properties, additionalProperties } = inputSchema
  if (!isJsonObject(properties) || additionalProperties === true || isJsonObject(additionalProperties))
    return undefined
  return new Set(Object.keys(properties))
}

function distinct(problems: readonly Problem[]): Problem[] {
  return [...new Map(problems.map((problem) => [`${problem.path}: ${problem.text}`, problem])).values()]
}
