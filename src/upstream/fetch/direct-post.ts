import type { Transform } from 'node:stream'
import { SdkError, SdkErrorCode } from '@modelcontextprotocol/client'
import { type Dispatcher, Pool } from 'undici'
import { systemClock } from '../../domain/clock.ts'
import { TurnBatch } from '../../domain/concurrency/waits.ts'
import { Outbound } from '../../outbound/outbound.ts'
import { ResponseTooLarge } from '../messages/oversized-message.ts'
import { PacedInput } from '../messages/paced-input.ts'
import type { CookieJar } from './cookie-jar.ts'
import { startDecoder } from './content-decoder.ts'
import { EventReader } from './event-reader.ts'
import { LARGE_BYTES, LargeReplies, LargeReply } from './large-replies.ts'
import { LineEnds } from './line-ends.ts'
import { ResponseFlow } from './response-flow.ts'
import {
  essenceOf,
  EVENTS,
  IDENTITY,
  ownHeaders,
  refusal,
  type ResponseHeaders,
  unfit,
} from './exchange-heads.ts'
import { retryAfterMs } from './retry-after.ts'

const MAX_CONNECTIONS = 256
const MAX_REFUSAL_BYTES = 64 * 1024

/** The response to one request. */
export interface Incoming {
  /** One JSON-RPC message, or what is in its place, in chunks. @param isWhole whether it is the whole response */
  readonly onMessage: (chunks: readonly Buffer[], isWhole: boolean) => void
  /** Nothing follows. @param failure why the response ended early, if it did */
  readonly onEnd: (failure?: unknown) => void
  /** The response is a stream that could be resumed. */
  readonly onResumable: () => void
}

/**
 * Sends requests of one connection by undici's dispatcher: what `fetch` and its web streams cost is more than
 * everything else that the gateway does for a call. Request bodies and response bodies pass as bytes.
 */
export class DirectPost {
  readonly #url: URL
  readonly #path: string
  readonly #pool: Pool
  readonly #fixed: readonly string[]
  readonly #ownCookie: string | null
  readonly #cookies: CookieJar
  readonly #replies: ReplyOptions
  /** Requests in flight. */
  #open = 0

  /**
   * @param options.headers of each request
   * @param options.maxBytes limit of each event of an event stream, and of any other body
   */
  constructor(options: {
    url: URL
    headers: Readonly<Record<string, string>>
    via: string | undefined
    cookies: CookieJar
    maxBytes: number
    /** Opens connections where the policy allows them; by default anywhere. */
    outbound?: Outbound
    /** The large responses of the connection; by default they have no limit. */
    large?: LargeReplies
  }) {
    const { url, via } = options
    const headers = ownHeaders(options.headers, via)
    this.#ownCookie = headers.get('cookie')
    headers.delete('cookie')
    this.#url = url
    this.#path = `${url.pathname}${url.search}`
    this.#fixed = [...headers].flat()
    this.#cookies = options.cookies
    this.#replies = {
      maxBytes: options.maxBytes,
      answered: new TurnBatch(() => this.#open === 1),
      large: options.large ?? new LargeReplies(),
      onCookies: (lines) => this.#cookies.keepLines(this.#url, lines),
      onOver: () => (this.#open -= 1),
    }
    // Requests have their own deadlines, and event streams may be silent without limit.
    const { connect } = options.outbound ?? new Outbound()
    this.#pool = new Pool(url.origin, {
      connections: MAX_CONNECTIONS,
      allowH2: false,
      bodyTimeout: 0,
      headersTimeout: 0,
      connect,
    })
  }

  /** Sends one request; the function ends it, which is not reported, and tells whether its response was ever held. */
  send(request: { headers: readonly string[]; body: string }, incoming: Incoming): () => boolean {
    const reply = new Reply(incoming, this.#replies)
    const own = this.#ownCookie
    const cookie = this.#cookies.isUnused ? own : (this.#cookies.headerFor(this.#url, own) ?? own)
    const headers = [...this.#fixed, ...request.headers, ...(cookie === null ? [] : ['cookie', cookie])]
    this.#open += 1
    // A microtask, so that all calls of a `TurnBatch` are prepared first, and then all of them are sent.
    queueMicrotask(() =>
      this.#pool.dispatch({ path: this.#path, method: 'POST', headers, body: request.body }, reply),
    )
    return () => reply.end()
  }

  /** Ends its sockets, and the requests that are under way. */
  close(): void {
    void this.#pool.destroy().catch(() => undefined)
  }
}

interface ReplyOptions {
  readonly maxBytes: number
  /** Runs the processing of complete responses. */
  readonly answered: TurnBatch
  readonly large: LargeReplies
  readonly onCookies: (lines: readonly string[]) => void
  /** Called once, when nothing more is reported. */
  readonly onOver: () => void
}

/** The response to one request. */
class Reply implements Dispatcher.DispatchHandler {
  readonly #incoming: Incoming
  readonly #options: ReplyOptions
  /** Until everything has arrived: then the connection may have the next response. */
  #controller: Dispatcher.DispatchController | undefined
  #isOver = false
  #flow: ResponseFlow | undefined
  #status = 0
  #statusText = ''
  #retryAfterMs: number | undefined
  #events: PacedInput | undefined
  #decoder: Transform | undefined
  #large: LargeReply | undefined
  #chunks: Buffer[] = []
  #size = 0

  constructor(incoming: Incoming, options: ReplyOptions) {
    this.#incoming = incoming
    this.#options = options
  }

  end(): boolean {
    this.#over()
    this.#decoder?.destroy()
    this.#controller?.abort(new Error('the request has ended'))
    return this.#large?.wasHeld === true
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    if (this.#isOver) controller.abort(new Error('the request has ended'))
  }

  // The interface of undici has four parameters.
  // oxlint-disable-next-line max-params
  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: ResponseHeaders,
    statusText = '',
  ): void {
    if (status < 200) return
    this.#status = status
    this.#statusText = statusText
    this.#retryAfterMs = retryAfterMs(headers['retry-after'])
    const cookies = headers['set-cookie']
    if (cookies !== undefined) this.#options.onCookies([cookies].flat())
    const { 'content-encoding': coding = IDENTITY } = headers
    if (coding !== IDENTITY) this.#decode(String(coding))
    if (status >= 400 || this.#isOver) return
    const failure = unfit(status, headers)
    if (failure !== undefined) return this.#fail(failure)
    const { onMessage, onResumable } = this.#incoming
    if (essenceOf(headers) !== EVENTS) return
    const onData = (data: readonly Buffer[]): void => {
      if (this.#large !== undefined) this.#options.large.pass(this.#large)
      onMessage(data, false)
    }
    const reader = new EventReader({ maxBytes: this.#options.maxBytes, onData, onId: onResumable })
    this.#events = new PacedInput({
      source: () => this.#waits.paced,
      take: (bytes, maxEvents) => this.#read(reader, bytes, maxEvents),
      count: () => reader.count,
      isPart: (bytes) => new LineEnds(bytes).after(0) === bytes.length,
      clock: systemClock,
    })
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#isOver) return
    if (this.#decoder !== undefined) {
      if (!this.#decoder.write(chunk)) this.#waits.decoded.pause()
      return
    }
    this.#take(chunk)
  }

  onResponseEnd(): void {
    this.#controller = undefined
    if (this.#decoder === undefined) this.#finishWhenRead()
    else this.#decoder.end()
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return
    this.#over()
    this.#decoder?.destroy()
    // In the form of `fetch`, by which the reasons are told apart.
    this.#incoming.onEnd(new TypeError('fetch failed', { cause: error }))
  }

  get #waits(): ResponseFlow {
    return (this.#flow ??= new ResponseFlow(() => (this.#isOver ? undefined : this.#controller)))
  }

  /** Some servers compress although the request accepts no coding. */
  #decode(coding: string): void {
    const error = new SdkError(
      SdkErrorCode.ClientHttpUnexpectedContent,
      `The response cannot be decoded: ${coding}`,
    )
    this.#decoder = startDecoder(coding, {
      onData: (chunk) => this.#take(chunk),
      onDrain: () => this.#waits.decoded.resume(),
      onEnd: () => this.#finishWhenRead(),
      onFailure: () => this.#fail(error),
    })
    if (this.#decoder === undefined) this.#fail(error)
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return
    if (this.#events !== undefined) return this.#events.push(chunk)
    const limit = this.#status >= 300 ? MAX_REFUSAL_BYTES : this.#options.maxBytes
    this.#size += chunk.length
    if (this.#size > limit) {
      if (this.#status < 300) this.#fail(new ResponseTooLarge('the body is too large'))
      return
    }
    this.#chunks.push(chunk)
    if (this.#size > LARGE_BYTES) this.#countLarge(this.#size)
  }

  #countLarge(bytes: number): void {
    this.#large ??= new LargeReply(this.#decoder ?? this.#waits.held)
    this.#options.large.receive(this.#large, bytes)
  }

  #finishWhenRead(): void {
    if (this.#events === undefined) this.#options.answered.run(() => this.#finish())
    else this.#events.whenEmpty(() => this.#finish())
  }

  #finish(): void {
    if (this.#isOver) return
    if (this.#large !== undefined && this.#events === undefined) this.#options.large.pass(this.#large)
    this.#over()
    if (this.#status >= 300) return this.#incoming.onEnd(this.#refusal())
    if (this.#events === undefined) this.#incoming.onMessage(this.#chunks, true)
    this.#incoming.onEnd()
  }

  /** Some of the events in `bytes`; of a response that has ended, none. */
  #read(reader: EventReader, bytes: Buffer, maxEvents: number): number {
    if (this.#isOver) return bytes.length
    try {
      const taken = reader.push(bytes, maxEvents)
      if (reader.size > LARGE_BYTES && !this.#isOver) this.#countLarge(reader.size)
      else if (this.#large !== undefined) this.#options.large.drop(this.#large)
      return taken
    } catch (error) {
      this.#fail(error)
      return bytes.length
    }
  }

  #over(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#options.onOver()
    if (this.#large !== undefined) this.#options.large.drop(this.#large)
  }

  #fail(failure: unknown): void {
    if (this.#isOver) return
    this.end()
    this.#incoming.onEnd(failure)
  }

  #refusal(): Error {
    const text = Buffer.concat(this.#chunks).toString()
    return refusal(this.#status, { statusText: this.#statusText, text, retryAfterMs: this.#retryAfterMs })
  }
}
