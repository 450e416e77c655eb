import type { Caller, CallerClient } from '../../calls/call.ts'
import type { Method } from '../../calls/methods.ts'
import type { Answer } from '../../calls/stage.ts'
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
  const { answer, drop } = conversation.answers
  const measured = {
    method: method.name,
    over: 'mcp',
    protocolVersion: version,
    parent: traceFieldsIn(params),
  } as const
  try {
    let json = ''
    await measureRequest(measured, options, async () => {
      const given = await answerOf(options, serving)
      json = legacyJson(given, method, () => listedOf(options, serving))
      return given.raw ?? given.result
    })
    if (signal.aborted) drop(id)
    else answer(id, `{"result":${json},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`)
  } catch (thrown) {
    if (signal.aborted) return drop(id)
    answer(
      id,
      JSON.stringify({ jsonrpc: '2.0', id, error: jsonRpcErrorOf(toGatewayError(thrown), 'legacy') }),
    )
    logInternal(options.logger, thrown, requestId)
  } finally {
    conversation.end(id)
  }
}

function answerOf(
  { calls }: PlainCallOptions,
  { conversation, request, sender, requestId, signal }: Serving,
): Promise<Answer> {
  const { id, method, target, params } = request
  const { scope, answers, client: known } = conversation
  const client: CallerClient = {
    era: 'legacy',
    name: known?.name,
    capabilities: {},
    logLevel: undefined,
    tell: (said, its) =>
      answers.tell(id, { jsonrpc: '2.0', method: said, ...(its !== undefined && { params: its }) }),
  }
  const caller: Caller = { ...sender, requestId, ...(known !== undefined && { client: known }) }
  return calls.answer(caller, { ...target, scope, method, params, signal, client, takesRaw: true })
}

/** The definition of the tool, as the client's list has it. */
function listedOf(
  { catalog }: PlainCallOptions,
  { conversation, request, sender }: Serving,
): JsonObject | undefined {
  return catalog.find('tool', sender.principal.tenantId, conversation.scope, request.target.name)?.listed
}

/** Members of results that may have another form for a legacy client. */
const CHANGING = ['structuredContent', 'ttlMs', 'cacheScope']
const LINE_FEED = 0x0a
const CARRIAGE_RETURN = 0x0d

/** The result for a legacy client as JSON in one line: the bytes of the server where nothing in them changes. */
function legacyJson(given: Answer, method: Method, listed: () => JsonObject | undefined): string {
  const { raw } = given
  if (raw === undefined) {
    const result = forEra('legacy', method, given.result, listed())
    return result === given.result && given.json !== undefined ? given.json : JSON.stringify(result)
  }
  const bytes = Buffer.concat(raw.chunks())
  const isOneLine = !bytes.includes(LINE_FEED) && !bytes.includes(CARRIAGE_RETURN)
  if (isOneLine && !CHANGING.some((name) => raw.has(name))) return bytes.toString()
  return JSON.stringify(forEra('legacy', method, raw.parse(), listed()))
}
