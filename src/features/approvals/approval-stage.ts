import { randomUUID } from 'node:crypto'
import type { Approvals } from './approvals.ts'
import { approvalRuleOf } from '../../domain/documents/tool-approval.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import type { ApprovalRule } from '../../domain/approvers.ts'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { clientNameOf } from '../../calls/client/client-name.ts'
import { ownQuestion, type OwnRound, ownRoundIn, ownState } from '../../calls/client/own-round.ts'
import { deadlineOf } from '../../calls/deadline.ts'
import type { Answer, PlannedTarget, RoutedCall, Run, StageFor } from '../../calls/stage.ts'
import { contentOf } from '../../calls/stages/result-cache.ts'
import {
  approvalDenied,
  approvalRequired,
  formElicitation,
  isYes,
  urlElicitation,
  wasNotExecuted,
  wayOf,
} from './approval-question.ts'
import type { ApprovalRequest } from './approval-request.ts'
import type { AskedCall, Claims, Use } from './claims.ts'
import { readableArguments, shownText } from './shown-arguments.ts'

/** The gateway's own questions about approval, among those of servers. */
const NAME = 'tool-gateway/approval'
/** Time that is left for the call itself when it is approved at the last moment. */
const RESERVE_MS = 5000

/** What the stage needs. */
export interface ApprovalStageOptions {
  readonly claims: Claims
  readonly approvals: Approvals
  /** Where a request is answered in a browser. */
  readonly pageOf: (id: string) => string
  readonly clock: Clock
}

/**
 * Stage: lets a call of a tool that needs a person's yes pass only with one, which it uses up. Who has none is asked in
 * the way of the client: by a question of either era, after which the call goes on, or by an error with a link, after
 * which an equal call is executed.
 */
export function approvalStage(options: ApprovalStageOptions): StageFor {
  return (target) => {
    const rule = ruleFor(target)
    return rule && ((call, next) => new MarkedCall(options, { rule, target }, call).run(next))
  }
}

/** Whose yes the calls of a target need; undefined if they need none. */
export function ruleFor({ method, server, policy, tool }: PlannedTarget): ApprovalRule | undefined {
  return method.runsTool === true ? approvalRuleOf(server, policy, tool?.own) : undefined
}

/** One call of a tool that needs a person's yes. */
class MarkedCall {
  readonly #options: ApprovalStageOptions
  readonly #round: OwnRound | undefined
  /** What the client brings for the server. */
  readonly #inputs: JsonObject
  /** The tool's name for callers, after the server's. */
  readonly #toolName: string
  /** As it begins, without what it continues. */
  readonly #call: RoutedCall
  readonly #asked: AskedCall

  constructor(
    options: ApprovalStageOptions,
    { rule, target }: { rule: ApprovalRule; target: PlannedTarget },
    call: RoutedCall,
  ) {
    const { caller, operation, route } = call
    const { inputResponses, requestState: _state, ...params } = call.params
    this.#options = options
    this.#round = ownRoundIn(call.params, NAME)
    this.#inputs = inputResponses === undefined ? {} : { inputResponses }
    this.#toolName = target.tool?.name ?? route.name
    this.#call = { ...call, params }
    this.#asked = {
      principal: caller.principal,
      server: serverKey(route.server),
      tool: route.name,
      content: contentOf(params),
      rule,
      about: { server: route.server.name, tool: route.name, client: clientNameOf(caller, operation) },
      shown: () => shownText(params['arguments'], target.tool?.shape?.fixed),
    }
  }

  async run(next: Run): Promise<Answer> {
    const token = this.#round?.noted['next']
    if (typeof token === 'string') return this.#nextRound(token, next)
    if (this.#round !== undefined) await this.#answered(this.#round)
    const claim = await this.#options.claims.claim(this.#asked)
    switch (claim.state) {
      case 'approved':
        return this.#send(this.#call, claim.use, next)
      case 'denied':
        throw approvalDenied(claim.request)
      case 'open':
        return this.#ask(claim.request)
    }
  }

  /** The client has asked its person. */
  async #answered({ noted, action, content }: OwnRound): Promise<void> {
    const { id, isForm, elicitationId } = noted
    if (action === undefined || typeof id !== 'string') return
    if (!this.#options.claims.isFor(id, this.#asked)) throw new GatewayError('invalid_request_state')
    const isDenied = action === 'decline' || (action === 'accept' && isForm === true && !isYes(content))
    if (isDenied || (action === 'accept' && isForm === true)) return this.#decided(id, !isDenied)
    if (action === 'accept') await this.#wait(id, elicitationId)
  }

  /** The decision of the person in the client counts, unless another answer was faster. */
  async #decided(id: string, isApproved: boolean): Promise<void> {
    const { caller } = this.#call
    const approver = { ...caller, isPerson: true }
    try {
      await this.#options.approvals.answer(id, approver, { verdict: isApproved ? 'approved' : 'denied' })
    } catch (error) {
      const { code } = toGatewayError(error)
      if (code !== 'approval_closed' && code !== 'approval_not_found') throw error
    }
  }

  /** The page is open: the call waits until the request was answered, or its time is nearly over. */
  async #wait(id: string, elicitationId: unknown): Promise<void> {
    const { approvals, clock } = this.#options
    const { caller, operation } = this.#call
    const { signal } = operation
    const withinMs = Math.max(0, deadlineOf(this.#call) - clock.monotonic() - RESERVE_MS)
    await approvals.untilAnswered({ id, tenantId: caller.principal.tenantId }, { signal, withinMs })
    if (signal.aborted) throw new GatewayError('cancelled', undefined, { facts: { mayHaveExecuted: false } })
    if (typeof elicitationId === 'string')
      operation.client?.tell('notifications/elicitation/complete', { elicitationId })
  }

  #ask(open: ApprovalRequest): Answer {
    const request = { ...open, tool: this.#toolName }
    const { client } = this.#call.operation
    const url = this.#options.pageOf(request.id)
    const argumentsText = readableArguments(this.#asked.shown().shown)
    const hasAnswered = this.#round?.action !== undefined
    switch (hasAnswered ? 'error' : wayOf(client, request.rule, argumentsText)) {
      case 'error':
        throw approvalRequired(request, url)
      case 'url-error':
        throw approvalRequired(request, url, randomUUID())
      case 'form':
        return this.#question(request, formElicitation(request, argumentsText), { isForm: true })
      case 'url': {
        const elicitationId = client?.era === 'legacy' ? randomUUID() : undefined
        return this.#question(request, urlElicitation(request, url, elicitationId), {
          ...(elicitationId !== undefined && { elicitationId }),
        })
      }
    }
  }

  #question({ id }: ApprovalRequest, elicitation: JsonObject, noted: JsonObject): Answer {
    const result = ownQuestion(NAME, { elicitation, noted: { ...noted, id }, params: {} })
    return { route: this.#call.route, result }
  }

  /** Sends the call. An approval that nothing was done with is there for the next call. */
  async #send(call: RoutedCall, use: Use, next: Run): Promise<Answer> {
    call.info.approval = use.request.id
    let answer: Answer
    try {
      answer = await next(call)
    } catch (thrown) {
      const error = toGatewayError(thrown)
      // Where that fails, the next call needs another approval.
      if (wasNotExecuted(error)) await this.#options.claims.giveBack(use).catch(() => undefined)
      throw error
    }
    if (answer.raw !== undefined || answer.result['resultType'] !== 'input_required') return answer
    return this.#withNextRound(answer, use)
  }

  /** The questions of a server that was sent an approved call: the answers to them need no further approval. */
  async #withNextRound(answer: Answer, use: Use): Promise<Answer> {
    const { result } = answer
    const next = await this.#options.claims.expectRound(use)
    const state = result['requestState']
    const requestState = ownState(NAME, { next, ...(state !== undefined && { state }) })
    return { route: answer.route, result: { ...result, requestState } }
  }

  async #nextRound(token: string, next: Run): Promise<Answer> {
    const use = await this.#options.claims.nextRound(this.#asked, token)
    if (use === undefined) throw new GatewayError('invalid_request_state')
    const state = this.#round?.noted['state']
    const params = {
      ...this.#call.params,
      ...this.#inputs,
      ...(state !== undefined && { requestState: state }),
    }
    return this.#send({ ...this.#call, params }, use, next)
  }
}
