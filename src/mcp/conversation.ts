import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { AuthInfo, ServerContext } from '@modelcontextprotocol/server'
import type { Identity } from '../identity/identity.ts'
import type { ClientTransport } from '../domain/client-transport.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Caller } from '../calls/call.ts'

type WithAuth = IncomingMessage & { auth?: AuthInfo }

/** Who sent an HTTP request, and which server it addresses: undefined for all that the sender may see. */
export class Sender {
  readonly identity: Identity
  readonly scope: string | undefined

  constructor(identity: Identity, scope: string | undefined) {
    this.identity = identity
    this.scope = scope
  }
}

/** Attaches the sender to a request, without its token: the SDK passes it to its message handlers. */
export function attachSender(request: WithAuth, sender: Sender): void {
  request.auth = authOf(sender)
}

/** The sender as the SDK passes it on. */
export function authOf(sender: Sender): AuthInfo {
  const { principal } = sender.identity
  return { token: '', clientId: principal.subject, scopes: [...principal.scopes], extra: { sender } }
}

/**
 * Reads what `attachSender` attached.
 * @throws GatewayError `missing_token` if nothing was attached
 */
export function senderIn(auth: AuthInfo | undefined): Sender {
  const sender = auth?.extra?.['sender']
  if (sender instanceof Sender) return sender
  throw new GatewayError('missing_token')
}

/** Makes the function that returns the sender of a message in a conversation. */
export function callerOf(
  transport: ClientTransport,
  sessionId: string | undefined,
): (context: ServerContext) => Caller {
  return (context) => {
    const { identity } = senderIn(context.http?.authInfo)
    const { principal, requestId, clientName, address, arrivedAt, presented } = identity
    return { principal, requestId, clientName, address, arrivedAt, presented, transport, sessionId }
  }
}

/**
 * Makes that function for a connection that was authenticated when it was opened; each of its messages gets a new id.
 */
export function callerOn(connection: {
  transport: ClientTransport
  id: string
  identity: Pick<Identity, 'principal' | 'presented'>
  /** When a request that is under way arrived, in monotonic milliseconds. */
  arrivedAt: (id: string | number) => number | undefined
}): (context?: ServerContext) => Caller {
  const {
    transport,
    id,
    identity: { principal, presented },
  } = connection
  return (context) => ({
    principal,
    presented,
    arrivedAt: context && connection.arrivedAt(context.mcpReq.id),
    requestId: randomUUID(),
    transport,
    sessionId: id,
  })
}
