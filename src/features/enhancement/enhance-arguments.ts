import { overridesOf } from '../../domain/documents/tool-rules.ts'
import type { Clock } from '../../domain/clock.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Enhancer } from './enhancer.ts'
import type { Call, Route, Stage } from '../../calls/call.ts'
import { clientNameOf } from '../../calls/client/client-name.ts'
import { deadlineOf } from '../../calls/stages/deadline.ts'

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
export function enhanceArguments(options: EnhanceOptions): Stage {
  return (call, next) => {
    const { route, operation } = call
    if (!options.enhancer.isOn || operation.method !== 'tools/call' || route?.server.tools === undefined)
      return next()
    const prompts = promptsOf(call, route)
    return prompts.length === 0 ? next() : withEnhanced(options, call, prompts, next)
  }
}

type Prompt = readonly [argument: string, text: string]

function promptsOf({ params }: Call, { server, name }: Route): Prompt[] {
  const named = overridesOf(server, name).findLast(({ enhance }) => enhance !== undefined)?.enhance ?? []
  const given = params['arguments']
  if (!isJsonObject(given)) return []
  return named.flatMap((argument) => {
    const text = Object.hasOwn(given, argument) ? given[argument] : undefined
    return typeof text === 'string' && text.trim() !== '' ? [[argument, text] as const] : []
  })
}

async function withEnhanced(
  { enhancer, clock }: EnhanceOptions,
  call: Call,
  prompts: readonly Prompt[],
  next: () => Promise<JsonObject>,
): Promise<JsonObject> {
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
  call.params = { ...params, arguments: Object.fromEntries(new Map([...given, ...enhanced])) }
  return next()
}
