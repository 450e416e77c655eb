import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { AuthInfo, ServerContext } from '@modelcontextprotocol/server'
import { type Identity, identityOf } from '../identity/identity.ts'
import type { Face } from '../audit/usage-record.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Principal } from '../domain/principal.ts'
import type { Caller } from '../calls/call.ts'

type WithAuth = IncomingMessage & { auth?: AuthInfo }

/** What the SDK carries from an HTTP request to its message handlers. Never a token: the SDK has no use for it. */
class Carried {
  readonly identity: Identity
  readonly scope: string | undefined

  constructor(identity: Identity, scope: string | undefined) {
    this.identity = identity
    this.scope = scope
  }
}

/** Attaches the authenticated identity and the addressed server to a request on its way into the SDK. */
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

/** What was attached, read on the other side. @throws GatewayError `missing_token` when nothing was */
export function carriedBy(auth: AuthInfo | undefined): Carried {
  const carried = auth?.extra?.['carried']
  if (carried instanceof Carried) return carried
  throw new GatewayError('missing_token')
}

/** Makes the function that tells who sent a message of a conversation. */
export function callerOf(face: Face, sessionId: string | undefined): (context: ServerContext) => Caller {
  return (context) => {
    const { identity } = carriedBy(context.http?.authInfo)
    const { principal, requestId, clientName } = identity
    return { principal, requestId, clientName, face, sessionId }
  }
}

/** The same for a connection whose opening was authenticated; each of its messages has an id of its own. */
export function callerOn(connection: { face: Face; id: string; principal: Principal }): () => Caller {
  const { face, id, principal } = connection
  return () => ({ principal, requestId: randomUUID(), face, sessionId: id })
}
