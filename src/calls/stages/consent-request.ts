import { randomUUID } from 'node:crypto'
import type { IssuedLink } from '../../credentials/consent/consent-links.ts'
import type { HttpServerDefinition } from '../../domain/documents/server-definition.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** The question of the gateway among those of servers. */
const KEY = 'tool-gateway/connect'
const STATE = 'tool-gateway/connect:'
/** JSON-RPC error of 2025-11-25 for a call that needs an elicitation of mode `url` first. */
const URL_ELICITATION_REQUIRED = -32_042

/** What a caller was asked by an earlier round of the same call, and what came back. */
export interface Asked {
  /** What the person decided; undefined when nothing came back. */
  readonly action: string | undefined
  /** When the account was connected that was there before; 0 for none. */
  readonly since: number
  readonly elicitationId: string | undefined
  /** What the call was about to bring to the server. */
  readonly given: JsonObject
}

/** The question that a call brings the answer to. */
export function askedIn({ requestState, inputResponses }: JsonObject): Asked | undefined {
  if (typeof requestState !== 'string' || !requestState.startsWith(STATE)) return undefined
  const state: unknown = JSON.parse(requestState.slice(STATE.length))
  if (!isJsonObject(state)) return undefined
  const { since, elicitationId, given } = state
  const answer = isJsonObject(inputResponses) ? inputResponses[KEY] : undefined
  const action = isJsonObject(answer) ? answer['action'] : undefined
  return {
    action: typeof action === 'string' ? action : undefined,
    since: typeof since === 'number' ? since : 0,
    elicitationId: typeof elicitationId === 'string' ? elicitationId : undefined,
    given: isJsonObject(given) ? given : {},
  }
}

/** The parameters as they were before the question. */
export function withoutOwn(params: JsonObject, asked: Asked | undefined): JsonObject {
  if (asked === undefined) return params
  const { requestState: _state, inputResponses: _responses, ...rest } = params
  return { ...rest, ...asked.given }
}

/** The result that asks the client to open the page where its person connects an account. */
export function consentRequest(
  server: HttpServerDefinition,
  { url }: IssuedLink,
  { since, params, isLegacy }: { since: number; params: JsonObject; isLegacy: boolean },
): JsonObject {
  const elicitationId = isLegacy ? randomUUID() : undefined
  const { requestState, inputResponses } = params
  const given = {
    ...(requestState !== undefined && { requestState }),
    ...(inputResponses !== undefined && { inputResponses }),
  }
  return {
    resultType: 'input_required',
    inputRequests: {
      [KEY]: { method: 'elicitation/create', params: elicitation(server, url, elicitationId) },
    },
    requestState: `${STATE}${JSON.stringify({ since, elicitationId, given })}`,
  }
}

/** The error for a call that needs an account first. */
export function consentRequired(
  server: HttpServerDefinition,
  link: IssuedLink | undefined,
  { reason, isElicitation = false }: { reason?: string; isElicitation?: boolean } = {},
): GatewayError {
  const { name } = server
  const who =
    link === undefined ? `An operator has to connect the account of the tenant at ${name}` : undefined
  const message = reason ?? who ?? `Connect your account at ${name} first: open ${link?.url} in a browser`
  return new GatewayError('credential_required', message, {
    facts: {
      server: name,
      mayHaveExecuted: false,
      ...(link !== undefined && {
        connect: { url: link.url, expiresAt: new Date(link.expiresAt).toISOString() },
      }),
      ...(link !== undefined &&
        isElicitation && {
          upstream: {
            code: URL_ELICITATION_REQUIRED,
            message,
            data: { elicitations: [elicitation(server, link.url, randomUUID())] },
          },
        }),
    },
  })
}

function elicitation(
  { name }: HttpServerDefinition,
  url: string,
  elicitationId: string | undefined,
): JsonObject {
  const message = `Connect your account at ${name}, so that this call can be made with it.`
  return { mode: 'url', message, url, ...(elicitationId !== undefined && { elicitationId }) }
}
