import { randomUUID } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError, messageOf } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { CallerClient, Route } from '../call.ts'
import { type Answer, rerouted, type RoutedCall, type Run, type StageFor } from '../stage.ts'
import { badResponse, notTooMany } from '../client/questions.ts'
import { RoundState } from '../client/round-state.ts'

const MAX_ROUNDS = 10
const ASK_MS = 10 * 60 * 1000

/**
 * Stage: handles the input that a server requests from the client before it completes a call (MCP 2026-07-28, multi
 * round-trip requests). A modern client gets the server's questions unchanged, with a sealed state; a legacy client is
 * asked each question, and the call continues with its answers. In both cases a server gets only its own state, issued
 * to this caller, and only answers to its own questions.
 */
export function inputRounds(
  options: ConstructorParameters<typeof RoundState>[0] & { readonly clock: Clock },
): StageFor {
  const { clock } = options
  const state = new RoundState(options)
  return () => (call, next) => {
    const { client } = call.operation
    if (client?.era === 'modern') return modernRound(state, call, next)
    const fresh = withoutInputs(call)
    return client?.ask === undefined ? next(fresh) : rounds(fresh, client.ask, clock, next)
  }
}

async function modernRound(round: RoundState, call: RoutedCall, next: Run): Promise<Answer> {
  const answer = await next(round.resume(call))
  if (answer.raw !== undefined) return answer
  const { result, route, isStateless } = answer
  if (result['resultType'] !== 'input_required' || isStateless === true) return answer
  return { route, result: round.asked(answer, call, stateIn(answer)) }
}

/**
 * The server's own state.
 * @throws GatewayError `upstream_bad_response` if it is not a string
 */
function stateIn({ result: { requestState }, route }: Answer): string | undefined {
  if (requestState === undefined || typeof requestState === 'string') return requestState
  throw badResponse(route, 'requestState is not a string')
}

function withoutInputs(call: RoutedCall): RoutedCall {
  if (!('inputResponses' in call.params) && !('requestState' in call.params)) return call
  const { inputResponses: _responses, requestState: _state, ...params } = call.params
  return { ...call, params }
}

type Ask = NonNullable<CallerClient['ask']>

async function rounds(first: RoutedCall, ask: Ask, clock: Clock, next: Run): Promise<Answer> {
  const { signal } = first.operation
  let call = first
  for (let round = 0; ; round += 1) {
    const answer = await next(call)
    if (answer.raw !== undefined) return answer
    const { result, route } = answer
    if (result['resultType'] !== 'input_required') return answer
    if (round === MAX_ROUNDS) throw badResponse(route, `it exceeded the limit of ${MAX_ROUNDS} input rounds`)
    const askedAt = clock.monotonic()
    const inputResponses = await answers({ route, signal, ask, clock }, result['inputRequests'])
    const requestState = stateIn(answer)
    call = {
      // A fallback may have answered; the answers are for the server that asked.
      ...rerouted(call, route),
      askedMs: call.askedMs + clock.monotonic() - askedAt,
      params: { ...first.params, inputResponses, ...(requestState !== undefined && { requestState }) },
    }
  }
}

interface Asking {
  /** Of the server that asks. */
  readonly route: Route
  readonly signal: AbortSignal
  readonly ask: Ask
  readonly clock: Clock
}

/** Asks one question after the other, because most of them are for a person. */
async function answers({ route, signal, ask, clock }: Asking, requests: unknown): Promise<JsonObject> {
  const responses: JsonObject = {}
  if (requests === undefined) return responses
  if (!isJsonObject(requests)) throw badResponse(route, 'inputRequests is not an object')
  for (const [key, request] of notTooMany(route, Object.entries(requests))) {
    if (!isJsonObject(request) || typeof request['method'] !== 'string')
      throw badResponse(route, 'an input request has no method')
    const deadline = new AbortController()
    const cancel = clock.after(ASK_MS, () => deadline.abort())
    const params = isJsonObject(request['params']) ? request['params'] : undefined
    try {
      responses[key] = await ask(request['method'], legacyParams(params), {
        signal: AbortSignal.any([signal, deadline.signal]),
      })
    } catch (cause) {
      if (signal.aborted) throw cause
      // An error of the client is not the server's answer to the call.
      const facts = { server: route.server.name, mayHaveExecuted: true }
      throw new GatewayError('client_not_reachable', messageOf(cause), { cause, facts })
    } finally {
      cancel()
    }
  }
  return responses
}

/** An elicitation of mode `url` has an id in 2025-11-25, but not in 2026-07-28. */
function legacyParams(params: JsonObject | undefined): JsonObject | undefined {
  if (params?.['mode'] !== 'url' || params['elicitationId'] !== undefined) return params
  return { ...params, elicitationId: randomUUID() }
}
