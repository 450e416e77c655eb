import { randomUUID } from 'node:crypto'
import type { IssuedLink } from '../../credentials/consent/consent-links.ts'
import type { HttpServerDefinition } from '../../domain/documents/server-definition.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { type OwnRound, ownQuestion, ownRoundIn } from '../client/own-round.ts'

/** The question of the gateway among those of servers. */
const NAME = 'tool-gateway/connect'
/** JSON-RPC error of 2025-11-25 for a call that needs an elicitation of mode `url` first. */
const URL_ELICITATION_REQUIRED = -32_042

/** What a caller was asked by an earlier round of the same call, and what came back. */
export interface Asked {
  readonly round: OwnRound
  /** When the account was connected that was there before; 0 for none. */
  readonly since: number
  readonly elicitationId: string | undefined
}

/** The question that a call brings the answer to. */
export function askedIn(params: JsonObject): Asked | undefined {
  const round = ownRoundIn(params, NAME)
  if (round === undefined) return undefined
  const { since, elicitationId } = round.noted
  return {
    round,
    since: typeof since === 'number' ? since : 0,
    elicitationId: typeof elicitationId === 'string' ? elicitationId : undefined,
  }
}

/** The result that asks the client to open the page where its person connects an account. */
export function consentRequest(
  server: HttpServerDefinition,
  { url }: IssuedLink,
  { since, params, isLegacy }: { since: number; params: JsonObject; isLegacy: boolean },
): JsonObject {
  const elicitationId = isLegacy ? randomUUID() : undefined
  const noted = { since, ...(elicitationId !== undefined && { elicitationId }) }
  return ownQuestion(NAME, { elicitation: elicitation(server, url, elicitationId), noted, params })
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
