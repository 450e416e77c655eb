import type { Clock } from '../../domain/clock.ts'
import { isJsonObject } from '../../domain/json/json.ts'
import type { Enhancer } from './enhancer.ts'
import type { Answer, RoutedCall, Run, StageFor } from '../../calls/stage.ts'
import { clientNameOf } from '../../calls/client/client-name.ts'
import { deadlineOf } from '../../calls/deadline.ts'

interface EnhanceOptions {
  readonly enhancer: Pick<Enhancer, 'enhance' | 'isOn'>
  readonly clock: Clock
}

/** The part of the call's time that may go by before the call itself is sent. */
const SHARE_OF_TIME = 0.5

/**
 * Stage: improves the arguments that the operator names as prompts (`tools.*.enhance`), under the names that callers
 * know. If that fails, the call continues with what the caller sent.
 */
export function enhanceArguments(options: EnhanceOptions): StageFor {
  return ({ method, policy }) => {
    if (method.runsTool !== true || policy.enhance.length === 0) return undefined
    return (call, next) => {
      const prompts = options.enhancer.isOn ? promptsOf(call, policy.enhance) : []
      return prompts.length === 0 ? next(call) : withEnhanced(options, call, prompts, next)
    }
  }
}

type Prompt = readonly [argument: string, text: string]

function promptsOf({ params }: RoutedCall, named: readonly string[]): Prompt[] {
  const given = params['arguments']
  if (!isJsonObject(given)) return []
  return named.flatMap((argument) => {
    const text = Object.hasOwn(given, argument) ? given[argument] : undefined
    return typeof text === 'string' && text.trim() !== '' ? [[argument, text] as const] : []
  })
}

async function withEnhanced(
  { enhancer, clock }: EnhanceOptions,
  call: RoutedCall,
  prompts: readonly Prompt[],
  next: Run,
): Promise<Answer> {
  const { caller, operation, params } = call
  const client = clientNameOf(caller, operation)
  const withinMs = Math.max(1, (deadlineOf(call) - clock.monotonic()) * SHARE_OF_TIME)
  const { tenantId } = caller.principal
  const enhanced = await Promise.all(
    prompts.map(async ([argument, prompt]) => {
      const result = await enhancer.enhance({ tenantId, client, prompt, withinMs, signal: operation.signal })
      return [argument, result.prompt] as const
    }),
  )
  const given = isJsonObject(params['arguments']) ? Object.entries(params['arguments']) : []
  const improved = Object.fromEntries(new Map([...given, ...enhanced]))
  return next({ ...call, params: { ...params, arguments: improved } })
}
