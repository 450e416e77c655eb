import { pipelineSchema } from '../../src/domain/documents/pipeline-definition.ts'
import { problemLine } from '../../src/domain/documents/problems.ts'
import { type PipelinePlan, planOf } from '../../src/pipelines/plan.ts'

/** A pipeline of these steps, with what a test wants to be different. */
export function pipeline(
  steps: readonly object[],
  fields: object = {},
): ReturnType<typeof pipelineSchema.parse> {
  return pipelineSchema.parse({ name: 'digest', tenantId: 'acme', steps, ...fields })
}

export function plan(steps: readonly object[], fields: object = {}): PipelinePlan {
  const planned = planOf(pipeline(steps, fields))
  if ('plan' in planned) return planned.plan
  throw new Error(planned.problems.map(problemLine).join('; '))
}

/** What is wrong with a pipeline by itself. */
export function problems(steps: readonly object[], fields: object = {}): string[] {
  const planned = planOf(pipeline(steps, fields))
  return 'plan' in planned ? [] : planned.problems.map(problemLine)
}
