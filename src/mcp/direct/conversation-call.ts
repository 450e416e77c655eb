import type { Caller, CallerClient } from '../../calls/call.ts'
import type { Method } from '../../calls/methods.ts'
import type { Answer } from '../../calls/stage.ts'
import { measureRequest } from '../../calls/trace.ts'
import { toGatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { RawObject } from '../../domain/json/raw-object.ts'
import { forEra } from '../era.ts'
import { traceFieldsIn } from '../message.ts'
import { type ListPage, listPage } from '../methods/list-results.ts'
import { jsonRpcErrorOf } from '../protocol-error.ts'
import type { DirectConversation } from './direct-conversation.ts'
import { isForSdk } from './list-texts.ts'
import { logInternal, type PlainCallOptions, type PlainSender } from './plain-call.ts'
import { sessionListRequest, type SessionRequest, sessionRequest } from './session-request.ts'

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

/** The call, or the list, of a message in a legacy conversation; undefined if it is not plain, or the client is not. */
export function conversationCall(options: PlainCallOptions, given: Given): ConversationCall | undefined {
  const { conversation, body } = given
  const { scope, transport, id: sessionId, isQuiet, client } = conversation
  if (!isQuiet) return undefined
  const version = given.version ?? client?.protocolVersion
  const sender: PlainSender = { ...given.sender, transport, sessionId }
  const request = sessionRequest(body, { methods: options.methods, scope })
  if (request === undefined)
    return conversation.isPlain ? listCall(options, { conversation, sender, version }, body) : undefined
  const { method, target, params } = request
  const asked = { ...target, scope, method, params }
  if (!options.targets.mayCall(sender, asked, client?.capabilities)) return undefined
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

function serve(options: PlainCallOptions, serving: Serving): Promise<void> {
  return answered(options, serving, async () => {
    const given = await answerOf(options, serving)
    const json = legacyJson(given, serving.request.method, () => listedOf(options, serving))
    return { result: given.raw ?? given.result, json }
  })
}

function listCall(
  options: PlainCallOptions,
  of: Pick<Serving, 'conversation' | 'sender' | 'version'>,
  body: unknown,
): ConversationCall | undefined {
  const request = sessionListRequest(body, options.methods)
  const { scope } = of.conversation
  const { principal } = of.sender
  const { catalog, lists } = options
  if (request === undefined) return undefined
  const view = catalog.viewOf(principal, scope)
  // A server that the caller may not know of is refused elsewhere.
  if (scope !== undefined && view.servers.length === 0) return undefined
  const { id, method, params } = request
  let page: ListPage
  try {
    page = listPage(method, view, { principal, scope, era: 'legacy', cursor: params['cursor'] })
  } catch {
    return undefined
  }
  if (isForSdk(page)) return undefined
  const made = { result: {}, json: listJson(page, lists.itemsOf(view, page)) }
  return { id, run: (by) => answered(options, { ...of, request, ...by }, () => Promise.resolve(made)) }
}

function listJson({ list, more }: ListPage, items: Buffer): string {
  const rest = Object.keys(more).length === 0 ? '}' : `,${JSON.stringify(more).slice(1)}`
  return `{"${list}":[${items.toString()}]${rest}`
}

/** A result, and its JSON for the client. */
interface Made {
  readonly result: RawObject | JsonObject
  readonly json: string
}

/** Answers a request with what `make` makes, or with its error. Never rejects. */
async function answered(
  options: PlainCallOptions,
  serving: Omit<Serving, 'request'> & { readonly request: Omit<SessionRequest, 'target'> },
  make: () => Promise<Made>,
): Promise<void> {
  const { conversation, request, version, requestId, signal } = serving
  const { id, method, params } = request
  const { answers } = conversation
  const measured = {
    method: method.name,
    over: 'mcp',
    protocolVersion: version,
    parent: traceFieldsIn(params),
  } as const
  try {
    let json = ''
    await measureRequest(measured, options, async () => {
      const made = await make()
      ;({ json } = made)
      return made.result
    })
    if (signal.aborted) answers.drop(id)
    else answers.answer(id, `{"result":${json},"jsonrpc":"2.0","id":${JSON.stringify(id)}}`)
  } catch (thrown) {
    if (signal.aborted) return answers.drop(id)
    answers.answer(
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
  // A text without line ends, and nothing in it changes.
  if (given.json !== undefined) return given.json
  const bytes = Buffer.concat(raw.chunks())
  const isOneLine = !bytes.includes(LINE_FEED) && !bytes.includes(CARRIAGE_RETURN)
  if (isOneLine && !CHANGING.some((name) => raw.has(name))) return bytes.toString()
  return JSON.stringify(forEra('legacy', method, raw.parse(), listed()))
}
