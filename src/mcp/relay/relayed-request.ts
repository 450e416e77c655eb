import type { AuthInfo } from '@modelcontextprotocol/server'
import type { HeldRequest } from '../../domain/concurrency/held-bytes.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { Presented } from '../../domain/presented.ts'
import type { TokenGrant } from '../../domain/principal.ts'
import type { Identity } from '../../identity/identity.ts'
import { authOf, Sender } from '../conversation.ts'

/** What a session reads of the HTTP request that brought a message, at whichever replica it arrived. */
export interface SessionHttpRequest {
  readonly method: string
  get(name: string): string | undefined
  readonly body?: unknown
  /** What its body holds, if it is large and arrived here. */
  readonly heldBody?: HeldRequest | undefined
  auth?: AuthInfo
}

/** A request for a session that arrived at another replica, where its sender was authenticated. */
export interface RelayedRequest extends SessionHttpRequest {
  /** The id of the session as clients know it; that of SSE is the id itself. */
  readonly sessionId: string
  readonly sender: Sender
}

const HEADERS = ['mcp-protocol-version', 'accept', 'last-event-id'] as const

/** A request as it goes to another replica. */
export function relayedJson(
  request: SessionHttpRequest,
  { sessionId, sender }: { readonly sessionId: string; readonly sender: Sender },
): JsonObject {
  const { principal, requestId, clientName, address, paths, presented } = sender.identity
  return {
    method: request.method,
    sessionId,
    scope: sender.scope,
    identity: { principal, requestId, clientName, address, paths },
    presented: presented?.revealed(),
    headers: Object.fromEntries(HEADERS.map((name) => [name, request.get(name)])),
    body: request.body,
  }
}

/**
 * The request that another replica sent; undefined if it is not valid. Only replicas can have sealed it.
 * @param grantOf the grant of an id, as this replica knows it
 */
export function relayedRequest(
  json: JsonObject,
  grantOf: (id: string) => TokenGrant,
): RelayedRequest | undefined {
  const { method, sessionId, scope, identity: given, presented, headers, body } = json
  if (typeof method !== 'string' || typeof sessionId !== 'string') return undefined
  if (!isJsonObject(given) || !isJsonObject(headers)) return undefined
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `relayedJson` of another replica
  const identity = given as unknown as Identity
  const { principal } = identity
  const { grant } = principal
  const here = grant === undefined ? principal : { ...principal, grant: grantOf(grant.id) }
  const sender = new Sender(
    { ...identity, principal: here, presented: Presented.from(presented) },
    typeof scope === 'string' ? scope : undefined,
  )
  const get = (name: string): string | undefined => {
    const value = headers[name]
    return typeof value === 'string' ? value : undefined
  }
  return { method, sessionId, sender, body, get, auth: authOf(sender) }
}
