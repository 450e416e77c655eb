import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { AuthInfo, ServerContext } from '@modelcontextprotocol/server'
import { type Identity, identityOf } from '../identity/identity.ts'
import type { Face } from '../audit/usage-record.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Principal } from '../domain/principal.ts'
import type { Caller } from '../calls/call.ts'

type WithAuth = IncomingMessage & { auth?: AuthInfo }

/**
 * What the SDK passes from an HTTP request to its message handlers. It has no token, because the SDK does not need one.
 */
class Carried {
  readonly identity: Identity
  readonly scope: string | undefined

  constructor(identity: Identity, scope: string | undefined) {
    this.identity = identity
    this.scope = scope
  }
}

/** Attaches the authenticated identity and the addressed server to a request before the SDK gets it. */
export function carryIdentity(request: WithAuth, scope: string | undefined): Identity {
  const identity = identityOf(request)
  request.auth = {
    token: '',
    clientId: identity.principal.subject,
    scopes: [...identity.principal.scopes],
    extra: { carried: new Carried(identity, scope) },
  }
  return identity
}

/**
 * Reads what `carryIdentity` attached.
 * @throws GatewayError `missing_token` if nothing was attached
 */
export function carriedBy(auth: AuthInfo | undefined): Carried {
  const carried = auth?.extra?.['carried']
  if (carried instanceof Carried) return carried
  throw new GatewayError('missing_token')
}

/** Makes the function that returns the sender of a message in a conversation. */
export function callerOf(face: Face, sessionId: string | undefined): (context: ServerContext) => Caller {
  return (context) => {
    const { identity } = carriedBy(context.http?.authInfo)
    const { principal, requestId, clientName } = identity
    return { principal, requestId, clientName, face, sessionId }
  }
}

/**
 * Makes that function for a connection that was authenticated when it was opened; each of its messages gets a new id.
 */
export function callerOn(connection: { face: Face; id: string; principal: Principal }): () => Caller {
  const { face, id, principal } = connection
  return () => ({ principal, requestId: randomUUID(), face, sessionId: id })
}
