import { randomUUID } from 'node:crypto'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError, messageOf, toGatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Call, CallerClient, Stage } from '../call.ts'
import { grantedClient } from '../client/granted-client.ts'
import { RoundState } from './round-state.ts'

const MAX_ROUNDS = 10
const MAX_QUESTIONS = 16
const ASK_MS = 10 * 60 * 1000
/** JSON-RPC error of 2025-11-25 by which a legacy server requests an elicitation of mode `url`. */
const URL_ELICITATION_REQUIRED = -32_042

/**
 * Stage: handles the input that a server requests from the client before it completes a call (MCP 2026-07-28, multi
 * round-trip requests). A modern client gets the server's questions unchanged, with a sealed state; a legacy client is
 * asked each question, and the call continues with its answers. In both cases a server gets only its own state, issued
 * to this caller, and only answers to its own questions.
 */
export function inputRounds(
  options: ConstructorParameters<typeof RoundState>[0] & { readonly clock: Clock },
): Stage {
  const { clock } = options
  const state = new RoundState(options)
  return (call, next) => {
    const { client } = call.operation
    if (client?.era === 'modern') return modernRound(state, { call, client }, next)
    call.params = withoutInputs(call.params)
    return client?.ask === undefined ? next() : rounds(call, client.ask, clock, next)
  }
}

async function modernRound(
  round: RoundState,
  { call, client }: { call: Call; client: CallerClient },
  next: () => Promise<JsonObject>,
): Promise<JsonObject> {
  // What the caller addressed: after a fallback the call has another server.
  const binding = round.bindingOf(call)
  round.resume(call, binding)
  let result: JsonObject
  try {
    result = await next()
  } catch (error) {
    // A legacy server takes no answers: the same call has to be sent again.
    return urlElicitations(error, call, client)
  }
  if (result['resultType'] !== 'input_required') return result
  return round.asked(result, { call, binding, state: stateIn(result, call) })
}

/**
 * The server's own state.
 * @throws GatewayError `upstream_bad_response` if it is not a string
 */
function stateIn({ requestState }: JsonObject, call: Call): string | undefined {
  if (requestState === undefined || typeof requestState === 'string') return requestState
  throw badResponse(call, 'requestState is not a string')
}

function withoutInputs(params: JsonObject): JsonObject {
  if (!('inputResponses' in params) && !('requestState' in params)) return params
  const { inputResponses: _responses, requestState: _state, ...rest } = params
  return rest
}

type Ask = NonNullable<CallerClient['ask']>

async function rounds(
  call: Call,
  ask: Ask,
  clock: Clock,
  next: () => Promise<JsonObject>,
): Promise<JsonObject> {
  const given = call.params
  for (let round = 0; ; round += 1) {
    const result = await next()
    if (result['resultType'] !== 'input_required') return result
    if (round === MAX_ROUNDS) throw badResponse(call, `it exceeded the limit of ${MAX_ROUNDS} input rounds`)
    const askedAt = clock.monotonic()
    const inputResponses = await answers(call, ask, clock, result['inputRequests'])
    call.askedMs += clock.monotonic() - askedAt
    const requestState = stateIn(result, call)
    call.params = { ...given, inputResponses, ...(requestState !== undefined && { requestState }) }
  }
}

/** Asks one question after the other, because most of them are for a person. */
async function answers(call: Call, ask: Ask, clock: Clock, requests: unknown): Promise<JsonObject> {
  const responses: JsonObject = {}
  if (requests === undefined) return responses
  if (!isJsonObject(requests)) throw badResponse(call, 'inputRequests is not an object')
  const { signal } = call.operation
  for (const [key, request] of notTooMany(call, Object.entries(requests))) {
    if (!isJsonObject(request) || typeof request['method'] !== 'string')
      throw badResponse(call, 'an input request has no method')
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
      throw new GatewayError('client_not_reachable', messageOf(cause), { cause, facts: factsOf(call) })
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

/**
 * The questions for a modern client that the error of a legacy server stands for, if the client supports them and the
 * server may ask them.
 */
function urlElicitations(thrown: unknown, call: Call, client: CallerClient): JsonObject {
  const error = toGatewayError(thrown)
  const { upstream } = error.facts
  const data = upstream?.code === URL_ELICITATION_REQUIRED ? upstream.data : undefined
  const elicitations = isJsonObject(data) ? data['elicitations'] : undefined
  if (!Array.isArray(elicitations) || !canOpenUrls(call, client)) throw error
  const requests = notTooMany(call, elicitations.filter(isJsonObject)).map(
    (params, index): [string, JsonObject] => {
      const { elicitationId } = params
      const key = typeof elicitationId === 'string' ? elicitationId : String(index)
      return [key, { method: 'elicitation/create', params }]
    },
  )
  return { resultType: 'input_required', inputRequests: Object.fromEntries(requests) }
}

function canOpenUrls({ route }: Call, client: CallerClient): boolean {
  if (route === undefined) return false
  const { elicitation } = grantedClient(client, route.server).capabilities
  return isJsonObject(elicitation) && 'url' in elicitation
}

/**
 * @throws GatewayError `upstream_bad_response` if there are more questions than a client should have to answer at once
 */
function notTooMany<T>(call: Call, questions: readonly T[]): readonly T[] {
  if (questions.length <= MAX_QUESTIONS) return questions
  throw badResponse(call, `it sent ${questions.length} input requests at once; the limit is ${MAX_QUESTIONS}`)
}

function badResponse(call: Call, cause: string): GatewayError {
  const facts = factsOf(call)
  return new GatewayError('upstream_bad_response', `Server ${facts.server} returned an invalid response`, {
    cause: new Error(cause),
    facts,
  })
}

function factsOf({ route }: Call): { server: string; mayHaveExecuted: true } {
  return { server: route?.server.name ?? '', mayHaveExecuted: true }
}
