import type { Catalog } from '../../catalog/catalog.ts'
import { decide } from '../../domain/access-policy.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import type { Call, Route } from '../call.ts'
import type { Limits } from './limits.ts'
import type { SealBinding, StateSeal } from '../state-seal.ts'

interface RoundStateOptions {
  readonly seal: StateSeal
  readonly catalog: Pick<Catalog, 'snapshot'>
  readonly limits: Pick<Limits, 'refusalOf'>
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

  /** What the client's state is bound to: the same caller, and the same request to the addressed target. */
  bindingOf({ caller, operation, route }: Call): SealBinding {
    const server = route === undefined ? '' : serverKey(route.server)
    return {
      principal: caller.principal,
      purpose: JSON.stringify([server, operation.method, route?.name ?? operation.name]),
    }
  }

  /**
   * Routes the call to the server whose questions it answers, with that server's state and the answers to its
   * questions. Other answers are left out.
   * @throws GatewayError `invalid_request_state`, also when the caller may no longer use that server; `rate_limited`
   */
  resume(call: Call, binding: SealBinding): void {
    const { requestState, inputResponses, ...rest } = call.params
    if (requestState === undefined) {
      // Questions of a task are answered under its handle, which determines the server.
      if (inputResponses !== undefined && call.operation.task === undefined) call.params = rest
      return
    }
    const asked = this.#opened(requestState, binding)
    this.#follow(call, asked)
    call.params = {
      ...rest,
      ...(isJsonObject(inputResponses) && { inputResponses: answersTo(asked.keys, inputResponses) }),
      ...(asked.state !== undefined && { requestState: asked.state }),
    }
  }

  /**
   * The questions, with a state that routes the answers to the server that asked.
   * @param state the server's own
   */
  asked(
    result: JsonObject,
    { call, binding, state }: { call: Call; binding: SealBinding; state: string | undefined },
  ): JsonObject {
    const { route, operation } = call
    const asked: Asked = {
      server: route === undefined ? '/' : serverKey(route.server),
      name: route?.name ?? operation.name,
      keys: isJsonObject(result['inputRequests']) ? Object.keys(result['inputRequests']) : [],
      ...(state !== undefined && { state }),
    }
    return { ...result, requestState: this.#options.seal.seal(JSON.stringify(asked), binding) }
  }

  #opened(requestState: unknown, binding: SealBinding): Asked {
    if (typeof requestState !== 'string') throw new GatewayError('invalid_request_state')
    const text = this.#options.seal.open(requestState, binding)
    // Only texts that this class wrote can be opened.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nobody else can have written it
    return JSON.parse(text) as Asked
  }

  #follow(call: Call, { server: key, name }: Asked): void {
    if (isTo(call.route, key, name)) return
    const { catalog, limits } = this.#options
    const { action, kind } = call.operation
    const server = catalog.snapshot.servers.get(key)
    const decision = decide(call.caller.principal, action, { server: key, kind, name }, catalog.snapshot)
    if (server === undefined || decision.effect === 'deny') throw new GatewayError('invalid_request_state')
    const refusal = limits.refusalOf(call, { server, name })
    if (refusal !== undefined) throw refusal
    call.route = { server, name }
    call.decision = decision
  }
}

function isTo(route: Route | undefined, server: ServerKey, name: string): boolean {
  return route !== undefined && serverKey(route.server) === server && route.name === name
}

function answersTo(keys: readonly string[], given: JsonObject): JsonObject {
  const asked = new Set(keys)
  return Object.fromEntries(Object.entries(given).filter(([key]) => asked.has(key)))
}
