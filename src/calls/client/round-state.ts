import type { Catalog } from '../../catalog/catalog.ts'
import { decide } from '../../domain/access-policy.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import { type Answer, rerouted, type RoutedCall } from '../stage.ts'
import type { Limits } from '../limits/limits.ts'
import { badResponse, notTooMany } from './questions.ts'
import type { SealBinding, StateSeal } from './state-seal.ts'

interface RoundStateOptions {
  readonly seal: StateSeal
  readonly catalog: Pick<Catalog, 'snapshot'>
  readonly limits: Pick<Limits, 'refusalOf'>
  /** A client cannot send back a longer state. */
  readonly maxStateBytes: number
}

/** What a modern client was asked: by which server, about which target of it, and under which keys. */
interface Asked {
  readonly server: ServerKey
  readonly name: string
  readonly keys: readonly string[]
  /** The server's own `requestState`; absent if it sent none. */
  readonly state?: string
}

/**
 * Carries the asking server from one round of a modern client to the next, sealed in the client's `requestState`. The
 * asking server may differ from the addressed one: after a fallback, or when a name resolves to another server since
 * the last round.
 */
export class RoundState {
  readonly #options: RoundStateOptions

  constructor(options: RoundStateOptions) {
    this.#options = options
  }

  /**
   * The call to the server whose questions it answers, with that server's state and the answers to its questions. Other
   * answers are left out.
   * @throws GatewayError `invalid_request_state`, also when the caller may no longer use that server; `rate_limited`
   */
  resume(call: RoutedCall): RoutedCall {
    const { requestState, inputResponses, ...rest } = call.params
    if (requestState === undefined) {
      // Questions of a task are answered under its handle, which determines the server.
      const isAnswer = inputResponses !== undefined && call.operation.task === undefined
      return isAnswer ? { ...call, params: rest } : call
    }
    const asked = this.#opened(requestState, bindingOf(call))
    return {
      ...this.#routed(call, asked),
      params: {
        ...rest,
        ...(isJsonObject(inputResponses) && { inputResponses: answersTo(asked.keys, inputResponses) }),
        ...(asked.state !== undefined && { requestState: asked.state }),
      },
    }
  }

  /**
   * The questions in an answer, with a state that routes the client's answers to the server that asked.
   * @param call as the caller addressed it
   * @param state the server's own
   * @throws GatewayError `upstream_bad_response` if the client could not answer: there are too many, or the state is too long
   */
  asked({ result, route }: Answer, call: RoutedCall, state: string | undefined): JsonObject {
    const { seal, maxStateBytes } = this.#options
    const requests = result['inputRequests']
    const asked: Asked = {
      server: serverKey(route.server),
      name: route.name,
      keys: isJsonObject(requests) ? notTooMany(route, Object.keys(requests)) : [],
      ...(state !== undefined && { state }),
    }
    const requestState = seal.seal(JSON.stringify(asked), bindingOf(call))
    if (requestState.length > maxStateBytes)
      throw badResponse(
        route,
        `its state has ${requestState.length} bytes when sealed; the limit is ${maxStateBytes}`,
      )
    return { ...result, requestState }
  }

  #opened(requestState: unknown, binding: SealBinding): Asked {
    if (typeof requestState !== 'string') throw new GatewayError('invalid_request_state')
    const text = this.#options.seal.open(requestState, binding)
    // Only texts that this class wrote can be opened.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only this class can have written it
    return JSON.parse(text) as Asked
  }

  #routed(call: RoutedCall, { server: key, name }: Asked): RoutedCall {
    const { route, caller, operation } = call
    if (serverKey(route.server) === key && route.name === name) return call
    const { catalog, limits } = this.#options
    const { action, kind } = operation
    const server = catalog.snapshot.servers.get(key)
    const decision = decide(caller.principal, action, { server: key, kind, name }, catalog.snapshot)
    if (server === undefined || decision.effect === 'deny') throw new GatewayError('invalid_request_state')
    const refusal = limits.refusalOf(call, { server, name })
    if (refusal !== undefined) throw refusal
    return rerouted(call, { server, name }, decision)
  }
}

/** What the client's state is bound to: the same caller, and the same request to the addressed target. */
function bindingOf({ caller, operation, route }: RoutedCall): SealBinding {
  return {
    principal: caller.principal,
    purpose: JSON.stringify([serverKey(route.server), operation.method.name, route.name]),
  }
}

function answersTo(keys: readonly string[], given: JsonObject): JsonObject {
  const asked = new Set(keys)
  return Object.fromEntries(Object.entries(given).filter(([key]) => asked.has(key)))
}
