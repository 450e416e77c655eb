import type { Clock } from '../../domain/clock.ts'
import { hasAccount } from '../../domain/documents/server-auth.ts'
import { type HttpServerDefinition, isHttp } from '../../domain/documents/server-definition.ts'
import { GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Need } from '../../credentials/accounts/credentials.ts'
import { CONNECT_TOOL } from '../../credentials/consent/known-offers.ts'
import type { OpenCredentials } from '../../credentials/credentials-open.ts'
import type { CallerClient } from '../call.ts'
import { deadlineOf } from '../deadline.ts'
import type { Answer, RoutedCall, Run, StageFor } from '../stage.ts'
import { beforeOwnRound } from '../client/own-round.ts'
import { type Asked, askedIn, consentRequest, consentRequired } from './consent-request.ts'

/** Time that is left for the call itself when its caller connects an account at the last moment. */
const RESERVE_MS = 5000

interface AccountsOptions {
  readonly credentials: Pick<OpenCredentials, 'credentials' | 'connecting' | 'connections'>
  readonly clock: Clock
}

/**
 * Stage: makes sure that the caller has connected the account that the server is called with, before anything is sent.
 * A caller without one is asked as the client supports it: by a question that opens a page, after which the call continues,
 * or by an error with the link. The same applies if the server requires more than was granted. A call asks once at most.
 */
export function accounts(options: AccountsOptions): StageFor {
  return ({ server, name }) => {
    if (!isHttp(server) || !hasAccount(server)) return undefined
    return (call, next) =>
      new AccountCall(options, server, call).run(name === CONNECT_TOOL ? connected : next)
  }
}

/** One call to a server with accounts. */
class AccountCall {
  readonly #options: AccountsOptions
  readonly #server: HttpServerDefinition
  readonly #call: RoutedCall
  readonly #asked: Asked | undefined

  constructor(options: AccountsOptions, server: HttpServerDefinition, call: RoutedCall) {
    this.#options = options
    this.#server = server
    this.#asked = askedIn(call.params)
    this.#call = { ...call, params: beforeOwnRound(call.params, this.#asked?.round) }
  }

  async run(next: Run): Promise<Answer> {
    const { credentials, connections } = this.#options.credentials
    const { principal } = this.#call.caller
    if (this.#asked !== undefined) await this.#answered(this.#asked)
    const need = await credentials.needOf(this.#server, principal)
    if (need !== undefined) return this.#ask(need)
    connections.usedBy(this.#server, principal)
    try {
      return await next(this.#call)
    } catch (thrown) {
      const error = toGatewayError(thrown)
      const after = await credentials.needAfter(error, this.#server, principal)
      if (after === undefined) throw error
      return this.#ask(after)
    }
  }

  /** Waits until the person has connected the account, or the time of the call is nearly over. */
  async #answered({ round: { action }, since, elicitationId }: Asked): Promise<void> {
    const { clock, credentials } = this.#options
    const { caller, operation } = this.#call
    if (action === undefined) return
    if (action !== 'accept')
      throw consentRequired(this.#server, undefined, {
        reason: 'the person has declined to connect an account',
      })
    const withinMs = Math.max(0, deadlineOf(this.#call) - clock.monotonic() - RESERVE_MS)
    const { signal } = operation
    await credentials.connecting.untilConnected(this.#server, caller.principal, { since, signal, withinMs })
    if (signal.aborted) throw new GatewayError('cancelled', undefined, { facts: { mayHaveExecuted: false } })
    if (elicitationId !== undefined)
      operation.client?.tell('notifications/elicitation/complete', { elicitationId })
  }

  async #ask(need: Need): Promise<Answer> {
    const { connecting } = this.#options.credentials
    const { caller, operation, params, route } = this.#call
    const link = await connecting.linkFor(this.#server, caller.principal, need)
    if (link === undefined) throw consentRequired(this.#server, undefined)
    const hasAnswered = this.#asked?.round.action !== undefined
    const way = hasAnswered ? 'error' : wayOf(operation.client)
    if (way === 'error') throw consentRequired(this.#server, link)
    if (way === 'url-error') throw consentRequired(this.#server, link, { isElicitation: true })
    const since = await connecting.sinceOf(this.#server, caller.principal)
    const isLegacy = operation.client?.era === 'legacy'
    return { route, result: consentRequest(this.#server, link, { since, params, isLegacy }) }
  }
}

/** How a client is asked: by a question, by the error for one (2025-11-25), or by an error for its person. */
function wayOf(client: CallerClient | undefined): 'question' | 'url-error' | 'error' {
  const elicitation = client?.capabilities['elicitation']
  if (client === undefined || !isJsonObject(elicitation) || !isJsonObject(elicitation['url'])) return 'error'
  return client.era === 'modern' || client.ask !== undefined ? 'question' : 'url-error'
}

/** The answer of the tool that connects an account, once it is connected. */
const connected: Run = ({ route }) => {
  const text = `Your account at ${route.server.name} is connected. Its tools are listed as soon as it has told them.`
  const result: JsonObject = { content: [{ type: 'text', text }] }
  return Promise.resolve({ route, result })
}
