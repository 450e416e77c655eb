import type { ClientTransport } from '../../domain/client-transport.ts'
import type { CallerClient } from '../../calls/call.ts'
import { TransientMap } from '../../domain/concurrency/transient-map.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import type { LegacySession } from '../session/legacy-session.ts'

type RequestId = string | number

/** How the answers of one conversation reach its client. */
interface Answers {
  /** Sends a notification that belongs to a request. */
  readonly tell: (id: RequestId, message: JsonObject) => void
  /** Sends the response to a request, as JSON in one line. */
  readonly answer: (id: RequestId, json: string) => void
  /** Ends a request that gets no answer. */
  readonly drop: (id: RequestId) => void
}

/** The requests of one legacy conversation that are served without the SDK. */
export class DirectConversation {
  readonly id: string
  readonly transport: ClientTransport
  readonly scope: string | undefined
  readonly answers: Answers
  #session: LegacySession | undefined
  /** How to cancel each request that is under way; undefined while there is none, as most of the time. */
  #underWay: TransientMap<RequestId, () => void> | undefined

  /** @param options.id names the session in records */
  constructor(options: {
    readonly id: string
    readonly transport: ClientTransport
    readonly scope: string | undefined
    readonly answers: Answers
  }) {
    this.id = options.id
    this.transport = options.transport
    this.scope = options.scope
    this.answers = options.answers
  }

  /** The client, once it has said who it is. */
  get client(): (CallerClient & { readonly protocolVersion: string | undefined }) | undefined {
    return this.#session?.client.name === undefined ? undefined : this.#session.client
  }

  /** Sets what is kept of the conversation between its requests. */
  attach(session: LegacySession): void {
    this.#session = session
  }

  /** Whether servers can send the client nothing but answers, progress and, where its capabilities are granted, questions. */
  get isQuiet(): boolean {
    const { client } = this
    return client !== undefined && client.logLevel === undefined
  }

  /** Whether no server can ask the client anything either. */
  get isPlain(): boolean {
    return this.isQuiet && Object.keys(this.client?.capabilities ?? {}).length === 0
  }

  /** Begins a request. @param cancel ends it without an answer */
  begin(id: RequestId, cancel: () => void): void {
    this.#underWay ??= new TransientMap()
    this.#underWay.set(id, cancel)
  }

  /** The request has its answer, or was cancelled. */
  end(id: RequestId): void {
    this.#underWay?.delete(id)
    if (this.#underWay?.size === 0) this.#underWay = undefined
  }

  /** Cancels a request that is served here; says whether there is one of that id. */
  cancel(id: unknown): boolean {
    const cancel = typeof id === 'string' || typeof id === 'number' ? this.#underWay?.get(id) : undefined
    cancel?.()
    return cancel !== undefined
  }

  /** Cancels all of them, as the end of the session does. */
  close(): void {
    for (const cancel of this.#underWay?.values() ?? []) cancel()
  }
}
