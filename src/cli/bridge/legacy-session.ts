import { setTimeout } from 'node:timers/promises'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { EventStream } from './event-stream.ts'
import type { HttpExchange } from './http-exchange.ts'
import { type ClientMessage, responseIn } from './message.ts'

const POST_HEADERS = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }
const RECONNECT_MS = 1000
const GIVE_UP_MS = 60_000
const GOODBYE_MS = 2000

interface LegacySessionOptions {
  readonly exchange: HttpExchange
  readonly signal: AbortSignal
  /** Gets the messages of the server that belong to no request. */
  readonly emit: (json: string) => void
  readonly say: (text: string) => void
}

/**
 * The conversation of a client of the legacy era. Where the server loses it, because it restarted, it is opened again
 * with the client's own words, and the client notices nothing.
 */
export class LegacySession {
  readonly #options: LegacySessionOptions
  #id: string | undefined
  #version: string | undefined
  #initialize: ClientMessage | undefined
  #initialized: ClientMessage | undefined
  #reopening: Promise<void> | undefined
  #listening = new AbortController()
  /** Whether listening has ended with an error that another request may be spared. */
  #isDeaf = false

  constructor(options: LegacySessionOptions) {
    this.#options = options
  }

  /** The id of the session; undefined while there is none, or where the server has none. */
  get id(): string | undefined {
    return this.#id
  }

  /** Headers of every request within the session. */
  headers(): Record<string, string> {
    return {
      ...(this.#id !== undefined && { 'mcp-session-id': this.#id }),
      ...(this.#version !== undefined && { 'mcp-protocol-version': this.#version }),
    }
  }

  /** Takes note of the response to `initialize`. */
  opened(message: ClientMessage, response: Response, answer: JsonObject): void {
    const { result } = answer
    if (!isJsonObject(result)) return
    this.#initialize = message
    this.#id = response.headers.get('mcp-session-id') ?? undefined
    this.#version = typeof result['protocolVersion'] === 'string' ? result['protocolVersion'] : undefined
  }

  /** Takes note that the client is ready, and listens to what the server says outside of requests. */
  ready(message: ClientMessage): void {
    this.#initialized = message
    this.#listening.abort()
    this.#listening = new AbortController()
    this.#isDeaf = false
    const signal = AbortSignal.any([this.#options.signal, this.#listening.signal])
    // What ended it is told by the next request.
    void this.#listen(signal).catch(() => (this.#isDeaf = !signal.aborted))
  }

  /** A request was answered: listens again where that had ended with an error, such as a token that was refused. */
  answered(): void {
    if (this.#isDeaf && this.#initialized !== undefined) this.ready(this.#initialized)
  }

  /** Opens the session again, unless that has happened since `lost` was the session. Where it fails, the next request tries it. */
  async reopen(lost: string): Promise<void> {
    if (this.#id !== lost) return
    this.#reopening ??= this.#open().finally(() => (this.#reopening = undefined))
    await this.#reopening
  }

  /** Ends the session at the server. */
  async end(): Promise<void> {
    if (this.#id === undefined) return
    const signal = AbortSignal.timeout(GOODBYE_MS)
    const request = {
      method: 'DELETE',
      headers: this.headers(),
      signal,
      mayRepeat: false,
      giveUpMs: 0,
    } as const
    const response = await this.#options.exchange.send(request).catch(() => undefined)
    await response?.body?.cancel()
  }

  async #open(): Promise<void> {
    const { say } = this.#options
    const opening = this.#initialize
    if (opening === undefined) return
    const response = await this.#post(opening, {})
    const answer = await answerIn(response, opening.id)
    if (!isJsonObject(answer?.['result']))
      throw new Error(`the server does not open a new session (status ${response.status})`)
    this.opened(opening, response, answer)
    if (this.#initialized !== undefined) {
      await (await this.#post(this.#initialized, this.headers())).body?.cancel()
      this.ready(this.#initialized)
    }
    say('The server had lost the session, so a new one was opened.')
  }

  #post({ line }: ClientMessage, headers: Record<string, string>): Promise<Response> {
    return this.#options.exchange.send({
      method: 'POST',
      headers: { ...POST_HEADERS, ...headers },
      body: line,
      signal: this.#options.signal,
      mayRepeat: true,
      giveUpMs: GIVE_UP_MS,
    })
  }

  /** Keeps a stream open for what belongs to no request, where the server has one (MCP 2025-11-25, transports). */
  async #listen(signal: AbortSignal): Promise<void> {
    const { exchange, emit } = this.#options
    let events = new EventStream()
    let wasOpen = false
    while (!signal.aborted) {
      const last = events.lastId
      const headers = {
        accept: 'text/event-stream',
        ...this.headers(),
        ...(last !== undefined && { 'last-event-id': last }),
      }
      const lost = this.#id
      const response = await exchange.send({
        method: 'GET',
        headers,
        signal,
        mayRepeat: true,
        giveUpMs: Infinity,
      })
      // Some servers have no such stream and say so with 404: only one that was there can have been lost.
      if (response.status === 404 && lost !== undefined && wasOpen) return await this.reopen(lost)
      if (!isEventStream(response)) return await response.body?.cancel()
      wasOpen = true
      events = new EventStream(last)
      await readEvents(response, events, emit).catch(() => undefined)
      await setTimeout(events.retryMs ?? RECONNECT_MS, undefined, { signal })
    }
  }
}

/** Whether a response is a stream of events. */
export function isEventStream({ ok, headers }: Response): boolean {
  return ok && headers.get('content-type')?.toLowerCase().startsWith('text/event-stream') === true
}

/** Hands on the messages of a stream until it ends. Rejects when the connection is lost. */
export async function readEvents(
  { body }: Response,
  events: EventStream,
  onData: (data: string) => void,
): Promise<void> {
  const chunks: AsyncIterable<Uint8Array> | undefined = body ?? undefined
  if (chunks === undefined) return
  for await (const chunk of chunks) for (const data of events.read(chunk)) onData(data)
}

async function answerIn(response: Response, id: unknown): Promise<JsonObject | undefined> {
  if (!response.ok) return undefined
  if (!isEventStream(response)) return responseIn(await response.text(), id)
  let answer: JsonObject | undefined
  await readEvents(response, new EventStream(), (data) => (answer ??= responseIn(data, id)))
  return answer
}
