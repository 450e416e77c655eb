import type { Caller, CallerClient } from '../../calls/call.ts'
import { measureRequest } from '../../calls/trace.ts'
import { toGatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { forEra } from '../era.ts'
import { traceFieldsIn } from '../message.ts'
import { jsonRpcErrorOf } from '../protocol-error.ts'
import type { DirectConversation } from './direct-conversation.ts'
import { isPlainTarget, logInternal, type PlainCallOptions, type PlainSender } from './plain-call.ts'
import { type SessionRequest, sessionRequest } from './session-request.ts'

interface Given {
  readonly conversation: DirectConversation
  readonly sender: Omit<PlainSender, 'transport' | 'sessionId'>
  /** The message as it was parsed. */
  readonly body: unknown
  /** The revision that the request names; the one that was agreed on by default. */
  readonly version?: string
}

/** A plain call of a legacy client, which is ready to begin. */
export interface ConversationCall {
  readonly id: string | number
  /** Makes the call and answers it in the conversation. Never rejects. */
  run(options: { readonly requestId: string; readonly signal: AbortSignal }): Promise<void>
}

/** The call of a message in a legacy conversation; undefined if it is not plain, or the client is not. */
export function conversationCall(options: PlainCallOptions, given: Given): ConversationCall | undefined {
  const { conversation, body } = given
  const { scope, transport, id: sessionId, isPlain } = conversation
  if (!isPlain) return undefined
  const request = sessionRequest(body, { methods: options.methods, scope })
  if (request === undefined) return undefined
  const sender: PlainSender = { ...given.sender, transport, sessionId }
  if (!isPlainTarget(options, sender, { ...request, scope })) return undefined
  const version = given.version ?? conversation.client?.protocolVersion
  return { id: request.id, run: (of) => serve(options, { conversation, request, sender, version, ...of }) }
}

interface Serving {
  readonly conversation: DirectConversation
  readonly request: SessionRequest
  readonly sender: PlainSender
  readonly version: string | undefined
  readonly requestId: string
  readonly signal: AbortSignal
}

async function serve(options: PlainCallOptions, serving: Serving): Promise<void> {
  const { conversation, request, version, requestId, signal } = serving
  const { id, method, params } = request
  const { send, drop } = conversation.answers
  const measured = {
    method: method.name,
    over: 'mcp',
    protocolVersion: version,
    parent: traceFieldsIn(params),
  } as const
  try {
    const result = await measureRequest(measured, options, () => resultOf(options, serving))
    if (signal.aborted) drop(id)
    else send(id, { result, jsonrpc: '2.0', id })
  } catch (thrown) {
    if (signal.aborted) return drop(id)
    send(id, { jsonrpc: '2.0', id, error: jsonRpcErrorOf(toGatewayError(thrown), 'legacy') })
    logInternal(options.logger, thrown, requestId)
  } finally {
    conversation.end(id)
  }
}

async function resultOf(
  { calls, catalog }: PlainCallOptions,
  { conversation, request, sender, requestId, signal }: Serving,
): Promise<JsonObject> {
  const { id, method, target, params } = request
  const { scope, answers, client: known } = conversation
  const client: CallerClient = {
    era: 'legacy',
    name: known?.name,
    capabilities: {},
    logLevel: undefined,
    tell: (said, its) =>
      answers.send(id, { jsonrpc: '2.0', method: said, ...(its !== undefined && { params: its }) }),
  }
  const caller: Caller = { ...sender, requestId, ...(known !== undefined && { client: known }) }
  const result = await calls.run(caller, { ...target, scope, method, params, signal, client })
  const listed = catalog.find('tool', sender.principal.tenantId, scope, target.name)?.listed
  return forEra('legacy', method, result, listed)
}
