import type { ServerResponse } from 'node:http'
import type { CallerClient } from '../../calls/call.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { RequestIds } from '../request-ids.ts'
import type { LegacySession } from '../session/legacy-session.ts'
import type { Session } from '../session/session-store.ts'
import type { SessionTransport } from './session-transport.ts'

type RequestId = string | number

/** The requests of one session of Streamable HTTP that the direct path serves beside the SDK. */
export class DirectSession {
  readonly id: string
  #session: LegacySession | undefined
  readonly #transport: SessionTransport
  readonly #ids: RequestIds
  /** How to end each request that is under way. */
  readonly #underWay = new Map<RequestId, () => void>()

  /** @param options.id names the session in records */
  constructor(options: { id: string; transport: SessionTransport; ids: RequestIds }) {
    this.id = options.id
    this.#transport = options.transport
    this.#ids = options.ids
  }

  /** The client of the session; undefined before `attach`. */
  get client(): CallerClient | undefined {
    return this.#session?.client
  }

  /** Sets what is kept of the conversation between its requests. */
  attach(session: LegacySession): void {
    this.#session = session
  }

  /** Whether servers can send the client nothing but answers and progress. */
  get isPlain(): boolean {
    if (this.#session === undefined) return false
    const { capabilities, logLevel } = this.#session.client
    return Object.keys(capabilities).length === 0 && logLevel === undefined
  }

  /**
   * Begins a request, which counts as an open stream of the session until its response is closed.
   * @param cancel ends the request without an answer
   * @throws GatewayError `invalid_request` if its id is in use
   */
  begin(
    id: RequestId,
    {
      session,
      response,
      cancel,
      now,
    }: {
      readonly session: Session
      readonly response: ServerResponse
      readonly cancel: () => void
      /** Monotonic milliseconds. */
      readonly now: () => number
    },
  ): void {
    this.#ids.claim(id)
    this.#underWay.set(id, cancel)
    session.openStreams += 1
    response.once('close', () => {
      session.openStreams -= 1
      session.lastUsedAt = now()
      this.#ids.release(id)
    })
  }

  /** The request has its answer, or was cancelled. */
  end(id: RequestId): void {
    this.#underWay.delete(id)
  }

  /** Cancels a request of the direct path; says whether there is one of that id. */
  cancel(id: unknown): boolean {
    const cancel = typeof id === 'string' || typeof id === 'number' ? this.#underWay.get(id) : undefined
    cancel?.()
    return cancel !== undefined
  }

  /** Cancels all of them, as the end of the session does. */
  close(): void {
    for (const cancel of this.#underWay.values()) cancel()
  }

  /** Continues the response of a request as a stream, which the client can resume. */
  openStream(id: RequestId, version: string, response: ServerResponse): void {
    this.#transport.openFor(id, version, response, () => this.cancel(id))
  }

  /** Sends a message on the stream of a request; an answer ends the stream. */
  send(id: RequestId, message: JsonObject): void {
    // The transport takes any message of JSON-RPC.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by the gateway itself
    const sent = message as Parameters<SessionTransport['send']>[0]
    void this.#transport.send(sent, { relatedRequestId: id }).catch(() => undefined)
  }

  /** Ends the stream of a request that gets no answer. */
  endStream(id: RequestId): void {
    this.#transport.endStream(id)
  }
}
