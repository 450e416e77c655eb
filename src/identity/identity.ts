import type { IncomingMessage } from 'node:http'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Principal } from '../domain/principal.ts'

/** Who sent an HTTP request, and the id of the request in logs and records. */
export interface Identity {
  readonly principal: Principal
  readonly requestId: string
  /** What the caller's program calls itself (`X-Client-Name`); anybody may say anything there. */
  readonly clientName?: string | undefined
  /** The paths that the token is for (`isFor`); absent: none. */
  readonly paths?: readonly string[]
}

const identities = new WeakMap<IncomingMessage, Identity>()

/** Remembers who sent a request, once it has been authenticated. */
export function setIdentity(request: IncomingMessage, identity: Identity): void {
  identities.set(request, identity)
}

/**
 * Who sent a request. A route that was mounted in front of the authentication fails closed here.
 * @throws GatewayError `missing_token`
 */
export function identityOf(request: IncomingMessage): Identity {
  const identity = identities.get(request)
  if (identity === undefined) throw new GatewayError('missing_token')
  return identity
}
