import { setTimeout } from 'node:timers/promises'
import { messageOf } from '../../domain/errors/errors.ts'
import { printableLine } from '../../domain/text/printable.ts'
import { SignInError } from '../sign-in/sign-in-error.ts'
import { EventStream } from './event-stream.ts'
import type { HttpExchange } from './http-exchange.ts'
import { isEventStream, LegacySession, readEvents } from './legacy-session.ts'
import { type ClientMessage, errorResponse, modernHeaders, oneLine, responseIn } from './message.ts'
import { reasonIn } from './refusal-text.ts'
import { ToolHeaders } from './tool-headers.ts'

const POST_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const GIVE_UP_MS = 60_000
const RESUME_MS = 500
/** Requests that change nothing, or nothing more the second time. */
const REPEATABLE =
  /^(initialize|ping|server\/discover|[\w/]*\/list|resources\/(read|subscribe|unsubscribe)|prompts\/get|completion\/complete|logging\/setLevel|subscriptions\/listen|tasks\/(get|result)|notifications\/[\w/]+)$/

interface RemoteOptions {
  readonly exchange: HttpExchange
  readonly host: string
  /** Gets each message for the client, as one line. */
  readonly emit: (line: string) => void
  readonly say: (text: string) => void
}

/**
 * The MCP server, over Streamable HTTP of either era. Messages pass as the bytes that they are; what HTTP says beside
 * them (sessions, headers, streams) is made and kept here.
 */
export class Remote {
  readonly #options: RemoteOptions
  readonly #session: LegacySession
  readonly #tools = new ToolHeaders()
  readonly #closing = new AbortController()
  readonly #inFlight = new Map<unknown, AbortController>()
  readonly #waiting = new Set<Promise<void>>()
  /** Settles when the server has taken all that later messages may depend on. */
  #before: Promise<void> = Promise.resolve()

  constructor(options: RemoteOptions) {
    this.#options = options
    const { exchange, say } = options
    const emit = (json: string): void => options.emit(oneLine(json))
    this.#session = new LegacySession({ exchange, signal: this.#closing.signal, emit, say })
  }

  /** Sends a message of the client. Its response, if it has one, is emitted in any case. */
  deliver(message: ClientMessage): void {
    const sent = this.#before.then(() => this.#deliver(message))
    if (message.id === undefined || message.method === 'initialize') this.#before = sent
    if (message.method === 'subscriptions/listen') return
    this.#waiting.add(sent)
    void sent.finally(() => this.#waiting.delete(sent))
  }

  /** Resolves when every request so far has its response, or after `ms`; subscriptions have none until they end. */
  async settled(ms: number): Promise<void> {
    await Promise.race([Promise.allSettled(this.#waiting), setTimeout(ms, undefined, { ref: false })])
  }

  /** Cancels what is under way, and ends the session at the server. */
  async close(): Promise<void> {
    this.#closing.abort()
    await this.#session.end()
  }

  async #deliver(message: ClientMessage): Promise<void> {
    if (message.method === 'notifications/cancelled' && this.#cancel(message)) return
    const cancel = new AbortController()
    const signal = AbortSignal.any([this.#closing.signal, cancel.signal])
    if (message.id !== undefined) this.#inFlight.set(message.id, cancel)
    try {
      const response = await this.#post(message, signal)
      if (message.method === 'notifications/initialized' && response.ok) this.#session.ready(message)
      await this.#receive(message, response, signal)
    } catch (error) {
      const reason = printableLine(messageOf(error))
      if (!signal.aborted)
        this.#fail(message, error instanceof SignInError ? `The sign-in failed: ${reason}` : reason)
    } finally {
      if (this.#inFlight.get(message.id) === cancel) this.#inFlight.delete(message.id)
    }
  }

  /** In the modern era the end of its stream cancels a request (MCP 2026-07-28, cancellation). */
  #cancel({ params, revision }: ClientMessage): boolean {
    const request = this.#inFlight.get(params['requestId'])
    if (revision === undefined && this.#session.id !== undefined) return false
    request?.abort()
    return request !== undefined || revision !== undefined
  }

  /** @param isAgain whether the session was opened again for it: one that a server loses at once stays lost */
  async #post(message: ClientMessage, signal: AbortSignal, isAgain = false): Promise<Response> {
    const isWithout = message.revision !== undefined || message.method === 'initialize'
    const session = isWithout ? undefined : this.#session.id
    const response = await this.#options.exchange.send({
      method: 'POST',
      headers: {
        ...POST_HEADERS,
        ...(isWithout ? modernHeaders(message) : this.#session.headers()),
        ...this.#tools.of(message),
      },
      body: message.line,
      signal,
      mayRepeat: REPEATABLE.test(message.method ?? ''),
      giveUpMs: GIVE_UP_MS,
    })
    if (session === undefined) return response
    if (response.ok) this.#session.answered()
    if (response.status !== 404 || isAgain) return response
    await response.body?.cancel()
    await this.#session.reopen(session)
    return await this.#post(message, signal, true)
  }

  async #receive(message: ClientMessage, response: Response, signal: AbortSignal): Promise<void> {
    if (isEventStream(response)) return await this.#stream(message, response, signal)
    const text = response.status === 202 ? '' : await response.text()
    if (message.id === undefined && response.ok && text === '') return
    const answer = responseIn(text, message.id)
    if (answer === undefined && !(response.ok && text.trimStart().startsWith('['))) {
      if (!response.ok || message.id !== undefined) this.#fail(message, this.#refusal(response, text))
      return
    }
    this.#emit(message, response, text)
  }

  /** Reads a stream until it has the response; a client of the legacy era comes back for one that broke off. */
  async #stream(message: ClientMessage, first: Response, signal: AbortSignal): Promise<void> {
    const events = new EventStream()
    let response = first
    let hasAnswer = false
    for (;;) {
      const onData = (data: string): void => {
        hasAnswer = this.#emit(message, first, data) || hasAnswer
      }
      await readEvents(response, events, onData).catch(() => undefined)
      if (hasAnswer || signal.aborted || message.id === undefined) return
      await setTimeout(events.retryMs ?? RESUME_MS, undefined, { signal })
      if (message.method === 'subscriptions/listen') return await this.#deliver(message)
      if (events.lastId === undefined || message.revision !== undefined)
        throw new Error(
          `The connection to ${this.#options.host} was lost before the response came; the request may have run.`,
        )
      response = await this.#options.exchange.send({
        method: 'GET',
        headers: {
          accept: 'text/event-stream',
          ...this.#session.headers(),
          'last-event-id': events.lastId,
        },
        signal,
        mayRepeat: true,
        giveUpMs: GIVE_UP_MS,
      })
      if (!isEventStream(response)) throw new Error(this.#refusal(response, await response.text()))
    }
  }

  /** Hands a message on; says whether it is the response to `message`. */
  #emit(message: ClientMessage, response: Response, json: string): boolean {
    const answer = message.id === undefined ? undefined : responseIn(json, message.id)
    if (answer !== undefined) {
      if (message.method === 'initialize') this.#session.opened(message, response, answer)
      this.#tools.learn(message, answer)
    }
    this.#options.emit(oneLine(json))
    return answer !== undefined
  }

  #refusal({ status }: Response, text: string): string {
    const { host } = this.#options
    if (status >= 300 && status < 400)
      return `${host} redirects to another address (status ${status}); connect to that one.`
    const reason = reasonIn(text)
    return `${host} answers with status ${status}${reason === '' ? '' : `: ${reason}`}`
  }

  #fail({ id, method }: ClientMessage, reason: string): void {
    if (id === undefined) this.#options.say(`${method ?? 'A response'} was not delivered: ${reason}`)
    else this.#options.emit(errorResponse(id, reason))
  }
}
