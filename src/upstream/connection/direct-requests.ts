import {
  CLIENT_CAPABILITIES_META_KEY,
  CLIENT_INFO_META_KEY,
  type Implementation,
  type JSONRPCMessage,
  parseJSONRPCMessage,
  PROTOCOL_VERSION_META_KEY,
  SdkError,
  SdkErrorCode,
} from '@modelcontextprotocol/client'
import type { Clock } from '../../domain/clock.ts'
import { TransientMap } from '../../domain/concurrency/transient-map.ts'
import { onAbort, Timeouts } from '../../domain/concurrency/waits.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { isTooHeavy } from '../../domain/json/json-weight.ts'
import type { RawObject } from '../../domain/json/raw-object.ts'
import { joined } from '../../domain/json/sparse-text.ts'
import { textResultIn } from '../../domain/json/text-result.ts'
import { headerText } from '../../domain/text/header-text.ts'
import { heldTooLong } from '../fetch/large-replies.ts'
import { heavyValues } from '../messages/one-a-turn.ts'
import type { ClientSide } from '../messages/client-side.ts'
import { STREAM_ENDED } from '../messages/requests-in-flight.ts'
import type { DirectChannel } from './channel.ts'
import type { Era } from './connection.ts'
import {
  isAnswerTo,
  largeOutcome,
  looksLikeAnswer,
  messageIn,
  type Outcome,
  outcomeOf,
  rpcFailure,
  tooHeavy,
  unreadable,
} from './direct-outcome.ts'

/** The ids of these requests begin here, far behind those of the SDK's own on the same connection. */
const FIRST_ID = 1_000_000_000
/** Below this, making values of an answer and text of them again costs less than keeping its bytes apart. */
const RAW_BYTES = 32 * 1024
const LINGER_MS = 1000
const NOTHING: JsonObject = {}

/** The methods that are sent this way, and where the name of their target stands, which a header repeats. */
const NAMED_BY: ReadonlyMap<string, string | undefined> = new Map([
  ['tools/list', undefined],
  ['prompts/list', undefined],
  ['resources/list', undefined],
  ['resources/templates/list', undefined],
  ['tools/call', 'name'],
  ['prompts/get', 'name'],
  ['resources/read', 'uri'],
])

/** What a request needs, and how long it may take. */
export interface DirectRequest {
  readonly id: number
  readonly method: string
  readonly params: JsonObject | undefined
  readonly client: ClientSide | undefined
  /** Of this request only, such as `Mcp-Param-*`. */
  readonly headers: Readonly<Record<string, string>> | undefined
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

/** A response that goes on behind the answer. */
interface Lingering {
  readonly end: () => void
  readonly since: number
}

/**
 * Sends requests without the SDK, over the same connection, and reads only the parts of an answer that are needed. It
 * knows only the plain case; a connection uses it where that is sure to be enough.
 */
export class DirectRequests {
  readonly #channel: DirectChannel
  readonly #era: Era
  readonly #protocolVersion: string
  readonly #clientInfo: Implementation
  readonly #clock: Clock
  readonly #timeouts: Timeouts
  readonly #onMessage: (message: JSONRPCMessage, client: ClientSide | undefined) => void
  /** Requests that have their answer, and whose response has not ended; the oldest first. Undefined before the first one. */
  #lingering: TransientMap<number, Lingering> | undefined
  #lastId = FIRST_ID
  /** What a request of a client without capabilities says of the gateway, as JSON. */
  #envelope: string | undefined
  #isResumable = false

  constructor(options: {
    channel: DirectChannel
    era: Era
    protocolVersion: string
    clientInfo: Implementation
    clock: Clock
    /** Gets everything that is not the answer to the request of that client. */
    onMessage: (message: JSONRPCMessage, client: ClientSide | undefined) => void
  }) {
    this.#channel = options.channel
    this.#era = options.era
    this.#protocolVersion = options.protocolVersion
    this.#clientInfo = options.clientInfo
    this.#clock = options.clock
    this.#timeouts = new Timeouts(options.clock)
    this.#onMessage = options.onMessage
  }

  /** Whether a request of the method may be sent this way: the SDK can resume a response stream, and this cannot. */
  isOpenTo(method: string): boolean {
    return NAMED_BY.has(method) && !this.#isResumable && !this.#channel.streams.hasIds
  }

  /** The `Authorization` header of the next request; undefined if the connection has all headers. */
  get authorization(): (() => Promise<string>) | undefined {
    return this.#channel.authorization
  }

  nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }

  /**
   * Sends a request and resolves with its result, as bytes if it is large.
   * @throws what the SDK would throw, or Redirected if the server has not handled it
   */
  send(request: DirectRequest): Promise<RawObject | JsonObject> {
    if (this.#lingering !== undefined) this.#endLingering(this.#lingering)
    const { promise, resolve, reject } = Promise.withResolvers<RawObject | JsonObject>()
    const { id, signal, timeoutMs } = request
    let end = notSent
    let isAnswered = false
    const stop = (failure: Error): void => {
      settled()
      end()
      reject(failure)
    }
    const timeout = this.#timeouts.after(timeoutMs, () => stop(end() ? heldTooLong() : timedOut()))
    const stopListening =
      signal && onAbort(signal, () => stop(new SdkError(SdkErrorCode.ConnectionClosed, 'cancelled')))
    const settled = (): void => {
      this.#timeouts.cancel(timeout)
      stopListening?.()
    }
    end = this.#channel.post.send(
      { headers: this.#headersOf(request), body: this.#textOf(request) },
      {
        onMessage: (bytes, isWhole) => {
          const answer = this.#answerIn(bytes, isWhole, request)
          if (answer === undefined) return
          isAnswered = true
          settled()
          if ('failure' in answer) reject(answer.failure)
          else if (answer.isHeavy === true) heavyValues.run(() => resolve(answer.result))
          else resolve(answer.result)
          if (!isWhole) this.#linger(id, () => void end())
        },
        onEnd: (failure) => {
          settled()
          this.#lingering?.delete(id)
          if (!isAnswered) reject(failure ?? rpcFailure(0, 'no response', STREAM_ENDED))
        },
        onResumable: () => (this.#isResumable = true),
      },
    )
    return promise
  }

  #linger(id: number, end: () => void): void {
    this.#lingering ??= new TransientMap()
    this.#lingering.set(id, { end, since: this.#clock.monotonic() })
  }

  /** Ends the response streams that their servers have left open behind the answer. */
  #endLingering(lingering: TransientMap<number, Lingering>): void {
    if (lingering.size === 0) return
    const now = this.#clock.monotonic()
    for (const [id, { end, since }] of lingering.entries()) {
      if (now - since < LINGER_MS) return
      lingering.delete(id)
      end()
    }
  }

  close(): void {
    this.#channel.post.close()
  }

  /** The message as JSON, joined from parts: the envelope of a modern request is the same for most of them. */
  #textOf({ id, method, params, client }: DirectRequest): string {
    const start = `{"jsonrpc":"2.0","id":${id},"method":${JSON.stringify(method)}`
    if (this.#era === 'legacy')
      return params === undefined ? `${start}}` : `${start},"params":${JSON.stringify(params)}}`
    const given = params ?? NOTHING
    const { _meta: meta } = given
    const json = JSON.stringify(meta === undefined ? given : { ...given, _meta: undefined })
    const members = json === '{}' ? '{' : `${json.slice(0, -1)},`
    const capabilities = client?.capabilities ?? NOTHING
    const isCommon = !isJsonObject(meta) && Object.keys(capabilities).length === 0
    const envelope = isCommon
      ? (this.#envelope ??= JSON.stringify(this.#envelopeOf(NOTHING)))
      : JSON.stringify({ ...(isJsonObject(meta) && meta), ...this.#envelopeOf(capabilities) })
    return `${start},"params":${members}"_meta":${envelope}}}`
  }

  #envelopeOf(capabilities: JsonObject): JsonObject {
    return {
      [PROTOCOL_VERSION_META_KEY]: this.#protocolVersion,
      [CLIENT_INFO_META_KEY]: this.#clientInfo,
      [CLIENT_CAPABILITIES_META_KEY]: capabilities,
    }
  }

  #headersOf({ method, params, headers }: DirectRequest): string[] {
    const own = ['mcp-protocol-version', this.#protocolVersion]
    const { sessionId } = this.#channel.transport
    if (sessionId !== undefined) own.push('mcp-session-id', sessionId)
    if (headers !== undefined) own.push(...Object.entries(headers).flat())
    if (this.#era === 'legacy') return own
    own.push('mcp-method', method)
    const name = params?.[NAMED_BY.get(method) ?? '']
    if (typeof name === 'string') own.push('mcp-name', headerText(name))
    return own
  }

  /** The outcome that a message is for the request; undefined if it is another message, which has been passed on. */
  #answerIn(chunks: readonly Buffer[], isWhole: boolean, request: DirectRequest): Outcome | undefined {
    const isLarge = chunks.reduce((sum, { length }) => sum + length, 0) >= RAW_BYTES
    const plain = isLarge ? largeOutcome(chunks, request.id) : undefined
    if (plain !== undefined) return plain
    const bytes = joined(chunks)
    if (!isTooHeavy(bytes)) return this.#valueIn(bytes, isWhole, request)
    return isWhole || looksLikeAnswer(bytes, request.id) ? tooHeavy() : undefined
  }

  /** The same of a message that becomes a value. */
  #valueIn(bytes: Buffer, isWhole: boolean, { id, client }: DirectRequest): Outcome | undefined {
    const text = bytes.toString()
    const result = bytes.length < RAW_BYTES ? textResultIn(text, id) : undefined
    if (result !== undefined) return { result }
    const message = messageIn(text)
    if (message === undefined) return isWhole || looksLikeAnswer(bytes, id) ? unreadable() : undefined
    const all: unknown[] = Array.isArray(message) ? message : [message]
    const answer = all.find((each) => isAnswerTo(each, id))
    const isReadable = all.map((each) => each === answer || this.#passOn(each, client)).every(Boolean)
    if (isJsonObject(answer)) return outcomeOf(answer)
    return isWhole && !isReadable ? unreadable() : undefined
  }

  /** Says whether it is a message at all. */
  #passOn(message: unknown, client: ClientSide | undefined): boolean {
    if (!mayBeMessage(message)) return false
    try {
      this.#onMessage(parseJSONRPCMessage(message), client)
      return true
    } catch {
      return false
    }
  }
}

/** False for most of what is none: what the parser has to say of it takes it a hundred times as long as a message. */
function mayBeMessage(value: unknown): boolean {
  if (!isJsonObject(value) || value['jsonrpc'] !== '2.0') return false
  const { method, params } = value
  if (method === undefined) return 'result' in value || 'error' in value
  return typeof method === 'string' && (params === undefined || isJsonObject(params))
}

/** In the place of what ends a request, until it is sent. */
function notSent(): boolean {
  return false
}

function timedOut(): Error {
  return new SdkError(SdkErrorCode.RequestTimeout, 'Request timed out')
}
