import { isJsonObject, jsonIn, type JsonObject } from '../../domain/json/json.ts'

/** What a client was asked by the gateway itself in an earlier round of the same call, and what came back. */
export interface OwnRound {
  /** What the gateway noted with its question. */
  readonly noted: JsonObject
  /** What the person decided; undefined when nothing came back. */
  readonly action: string | undefined
  /** What the person filled in. */
  readonly content: JsonObject
  /** What the call was about to bring to the server. */
  readonly given: JsonObject
}

/** The round of that name which a call continues; undefined if it continues none, or one of others. */
export function ownRoundIn({ requestState, inputResponses }: JsonObject, name: string): OwnRound | undefined {
  const prefix = prefixOf(name)
  if (typeof requestState !== 'string' || !requestState.startsWith(prefix)) return undefined
  const state = jsonIn(requestState.slice(prefix.length))
  if (!isJsonObject(state)) return undefined
  const { given, ...noted } = state
  const answer = isJsonObject(inputResponses) ? inputResponses[name] : undefined
  const { action, content } = isJsonObject(answer) ? answer : {}
  return {
    noted,
    action: typeof action === 'string' ? action : undefined,
    content: isJsonObject(content) ? content : {},
    given: isJsonObject(given) ? given : {},
  }
}

/** The parameters as they were before the question. */
export function beforeOwnRound(params: JsonObject, round: OwnRound | undefined): JsonObject {
  if (round === undefined) return params
  const { requestState: _state, inputResponses: _responses, ...rest } = params
  return { ...rest, ...round.given }
}

/**
 * The result that asks the client one question of the gateway's own.
 * @param elicitation the parameters of `elicitation/create`
 */
export function ownQuestion(
  name: string,
  { elicitation, noted, params }: { elicitation: JsonObject; noted: JsonObject; params: JsonObject },
): JsonObject {
  const { requestState, inputResponses } = params
  const given = {
    ...(requestState !== undefined && { requestState }),
    ...(inputResponses !== undefined && { inputResponses }),
  }
  return {
    resultType: 'input_required',
    inputRequests: { [name]: { method: 'elicitation/create', params: elicitation } },
    requestState: ownState(name, { ...noted, given }),
  }
}

/** A state that `ownRoundIn` finds under that name. */
export function ownState(name: string, state: JsonObject): string {
  return `${prefixOf(name)}${JSON.stringify(state)}`
}

function prefixOf(name: string): string {
  return `${name}:`
}
