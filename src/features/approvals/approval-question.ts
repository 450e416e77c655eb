import type { ApprovalRule } from '../../domain/approvers.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { exposedName } from '../../domain/tool-name.ts'
import type { CallerClient } from '../../calls/call.ts'
import type { ApprovalRequest } from './approval-request.ts'

/** JSON-RPC error of 2025-11-25 for a call that needs an elicitation of mode `url` first. */
const URL_ELICITATION_REQUIRED = -32_042
/** Characters of arguments that a client can be expected to show in a question. */
const MAX_FORM_TEXT = 2000
/** The field of the form in which the person decides. */
const FIELD = 'approve'

/**
 * How a client is asked: to open a page, by a form, by an error that stands for a page (2025-11-25), or by an error for
 * its person.
 */
export type Way = 'url' | 'form' | 'url-error' | 'error'

/** The way to ask a client. A form is only for whom the caller's own yes is enough, and who can read all arguments in it. */
export function wayOf(client: CallerClient | undefined, rule: ApprovalRule, argumentsText: string): Way {
  const elicitation = client?.capabilities['elicitation']
  if (client === undefined || !isJsonObject(elicitation)) return 'error'
  const canBeAsked = client.era === 'modern' || client.ask !== undefined
  if (isJsonObject(elicitation['url'])) return canBeAsked ? 'url' : 'url-error'
  const fits = rule === 'caller' && argumentsText.length <= MAX_FORM_TEXT
  return canBeAsked && fits ? 'form' : 'error'
}

/** A question that opens the page of a request. */
export function urlElicitation(
  request: ApprovalRequest,
  url: string,
  elicitationId: string | undefined,
): JsonObject {
  const { server, tool, rule } = request
  const message =
    rule === 'caller'
      ? `The call of ${tool} at ${server} needs your approval. The page shows what it would do.`
      : `The call of ${tool} at ${server} needs the approval of a second person. Pass the address of the page on, or wait until it is answered.`
  return { mode: 'url', message, url, ...(elicitationId !== undefined && { elicitationId }) }
}

/** A question that is answered in the client. @param argumentsText readable */
export function formElicitation({ server, tool }: ApprovalRequest, argumentsText: string): JsonObject {
  return {
    message: `Approve the call of ${tool} at ${server}, with these arguments?\n\n${argumentsText}`,
    requestedSchema: {
      type: 'object',
      properties: {
        [FIELD]: {
          type: 'boolean',
          title: 'Approve this call',
          description: 'It is made once, with exactly these arguments.',
          default: false,
        },
      },
      required: [FIELD],
    },
  }
}

/** Whether a form was filled in with a yes. */
export function isYes(content: JsonObject): boolean {
  return content[FIELD] === true
}

/** The error for a call that waits for a person's yes. @param request with the tool's name for callers */
export function approvalRequired(
  request: ApprovalRequest,
  url: string,
  elicitationId?: string,
): GatewayError {
  const { id, server, tool, rule, expiresAt } = request
  const approve = rule === 'caller' ? 'approve' : 'a second person must approve'
  const name = exposedName(server, tool)
  const message = `Approval required: ${approve} this call of ${name} at ${url}, then retry with the same arguments.`
  const elicitations = [urlElicitation(request, url, elicitationId)]
  return new GatewayError('approval_required', message, {
    facts: {
      server,
      mayHaveExecuted: false,
      approval: { id, url, expiresAt: new Date(expiresAt).toISOString() },
      ...(elicitationId !== undefined && {
        upstream: { code: URL_ELICITATION_REQUIRED, message, data: { elicitations } },
      }),
    },
  })
}

/** The error for a call that a person has denied. */
export function approvalDenied({ server, tool, answer }: ApprovalRequest): GatewayError {
  const reason = answer?.reason === undefined ? '' : `: ${answer.reason}`
  const message = `The call of ${tool} at ${server} was denied${reason}. Do not repeat it`
  return new GatewayError('approval_denied', message, { facts: { server, mayHaveExecuted: false } })
}

/** Whether an error says that the call has certainly not been executed. */
export function wasNotExecuted({ facts: { mayHaveExecuted, upstream } }: GatewayError): boolean {
  return mayHaveExecuted === false || upstream?.code === URL_ELICITATION_REQUIRED
}
