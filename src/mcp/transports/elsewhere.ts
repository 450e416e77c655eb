import type { ServerResponse } from 'node:http'
import type { JSONRPCMessage, JSONRPCRequest } from '@modelcontextprotocol/server'
import { type Method, METHODS } from '../../calls/methods.ts'
import { type OperationTarget, targetOf } from '../../calls/target-names.ts'
import { routeOf } from '../../calls/router.ts'
import { GatewayError, toGatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { Principal } from '../../domain/principal.ts'
import type { AnswerWriter, ReplicaRelay } from '../../replicas/replica-relay.ts'
import { isAnswer, isRequest } from '../message.ts'
import { jsonRpcErrorOf } from '../protocol-error.ts'
import { type RelayedRequest, relayedRequest } from '../relay/relayed-request.ts'
import { RelayedResponse } from '../relay/stream-response.ts'
import { QuestionIds } from '../session/question-ids.ts'
import type { SessionPlaces } from '../session/session-places.ts'
import type { EndpointOptions } from './modern-endpoint.ts'
import type { Channel } from './session-channels.ts'

const NEVER = new AbortController().signal
const SUBSCRIPTIONS: readonly string[] = [METHODS.subscribe.name, METHODS.unsubscribe.name]

/** The other replica that a message of a session is for; undefined if this one takes it. */
export async function replicaFor(
  message: JSONRPCMessage,
  channel: Channel,
  { places, options }: { places: SessionPlaces; options: EndpointOptions },
): Promise<string | undefined> {
  const { relay, replica, catalog } = options
  if (relay === undefined) return undefined
  if (isAnswer(message)) {
    const asking = QuestionIds.replicaOf(message.id)
    return asking === undefined || asking === replica ? undefined : String(asking)
  }
  if (!isRequest(message)) return undefined
  if (SUBSCRIPTIONS.includes(message.method)) return places.ofStream(channel)
  const { tenantId } = channel.session.principal
  if (!places.mayBeElsewhere(channel, catalog.snapshot, tenantId)) return undefined
  return isForState(message, channel, options) ? places.ofState(channel) : undefined
}

/** Whether a request goes to a server that keeps state for the session. */
function isForState(request: JSONRPCRequest, { session, scope }: Channel, options: EndpointOptions): boolean {
  const { methods, catalog } = options
  const { params = {} } = request
  const method = methods.get(request.method)
  const target = method && targetIn(params, { method, principal: session.principal, scope, options })
  if (method === undefined || target === undefined) return false
  const { principal, id: sessionId, transport } = session
  const operation = { ...target, scope, method, params, signal: NEVER }
  const routing = routeOf({ principal, sessionId, transport, requestId: '' }, operation, catalog)
  return routing.found && routing.route.server.sharing === 'session'
}

function targetIn(
  params: JsonObject,
  of: {
    readonly method: Method
    readonly principal: Principal
    readonly scope: string | undefined
    readonly options: EndpointOptions
  },
): OperationTarget | undefined {
  const { method, principal, scope } = of
  const { taskHandles, catalog } = of.options
  try {
    return targetOf(method, params, {
      scope,
      taskOf: (handle) => taskHandles.open(handle, principal),
      toolName: ({ server, tool }) =>
        scope === undefined ? catalog.exposedToolName(server, tool) : catalog.toolName(server, tool),
    })
  } catch {
    return undefined // whoever runs the request says what is wrong with it
  }
}

/**
 * Lets another replica answer a request. Where that replica is lost after it has opened a stream, the response on it is
 * the error.
 * @throws GatewayError `replica_unavailable`, and what the other replica refuses it with
 */
export async function answeredBy(
  relay: ReplicaRelay,
  replica: string,
  request: JsonObject,
  response: ServerResponse,
): Promise<void> {
  const gone = new AbortController()
  if (response.closed) return
  response.once('close', () => gone.abort())
  let isStream = false
  const reader = {
    onHead: (status: number, headers: Readonly<Record<string, string>>) => {
      isStream = Object.values(headers).some((value) => value.startsWith('text/event-stream'))
      response.writeHead(status, headers)
      response.flushHeaders()
    },
    onText: (text: string) => void response.write(text),
  }
  try {
    await relay.ask(replica, request, reader, gone.signal)
  } catch (error) {
    if (!response.headersSent) throw error
    if (isStream) response.write(errorEvent(request['body'], toGatewayError(error)))
  }
  response.end()
}

/** The event with the error that a request is answered with; nothing where a stream answers no request. */
function errorEvent(body: unknown, error: GatewayError): string {
  const id = isJsonObject(body) && body['method'] !== undefined ? body['id'] : undefined
  if (id === undefined) return ''
  const data = JSON.stringify({ jsonrpc: '2.0', id, error: jsonRpcErrorOf(error, 'legacy') })
  return `event: message\ndata: ${data}\n\n`
}

/** Answers a request of another replica. */
export async function answerRelayed(
  json: JsonObject,
  writer: AnswerWriter,
  signal: AbortSignal,
  {
    grantOf,
    serve,
  }: Pick<EndpointOptions, 'grantOf'> & {
    readonly serve: (request: RelayedRequest, response: RelayedResponse) => Promise<void> | void
  },
): Promise<void> {
  const request = relayedRequest(json, grantOf)
  try {
    if (request === undefined) throw new GatewayError('invalid_request')
    await serve(request, new RelayedResponse(writer, signal))
  } catch (error) {
    writer.fail(toGatewayError(error))
  }
}

/** A message in news of another replica. */
export function messageOf(news: JsonObject): JSONRPCMessage | undefined {
  const { message } = news
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the other replica has checked it
  return isJsonObject(message) ? (message as unknown as JSONRPCMessage) : undefined
}
