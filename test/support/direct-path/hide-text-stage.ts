import type { OperatorStage } from '../../../src/calls/operator/operator-stage.ts'

/** A stage of an operator that hides what a server says: in a new result, or in the one that it got. */
export function createStage(): OperatorStage {
  return async ({ params }, next) => {
    const result = await next()
    const hidden = [{ type: 'text', text: 'hidden' }]
    const { inPlace } = params['arguments'] as { inPlace?: boolean }
    return inPlace === true ? Object.assign(result, { content: hidden }) : { ...result, content: hidden }
  }
}
