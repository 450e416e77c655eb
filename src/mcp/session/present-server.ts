import type { AuthInfo, JSONRPCMessage, Server, Transport } from '@modelcontextprotocol/server'
import { CANCELLED, isAnswer, isRequest } from '../message.ts'

type RequestId = string | number

/** Of the `initialize` that no client sent just now. */
const REPLAY_ID = 'tool-gateway-replay'
/** Confirms the `initialize` response (MCP, lifecycle). */
export const INITIALIZED = 'notifications/initialized'

/** What a client declared with `initialize`. */
export interface ClientFacts {
  readonly protocolVersion: ReturnType<Server['getNegotiatedProtocolVersion']>
  readonly capabilities: ReturnType<Server['getClientCapabilities']>
  readonly clientInfo: ReturnType<Server['getClientVersion']>
}

/** What the server needs of its session. */
export interface ServerHost {
  readonly id: string
  /** Makes a server that is not initialized. */
  makeServer(): Server
  /** Sends the client a message; rejects once the client has gone. */
  send(message: JSONRPCMessage): Promise<void>
  /** Ends the session. */
  close(): void
}

/** A server of the SDK for one legacy session, and its requests in progress. */
export class PresentServer implements Transport {
  onclose: Transport['onclose']
  onerror: Transport['onerror']
  onmessage: Transport['onmessage']
  readonly server: Server
  /** Settles when the server is initialized; undefined from then on. */
  ready: Promise<void> | undefined
  readonly #host: ServerHost
  readonly #onInitialized: (client: ClientFacts) => void
  /** Requests of the client that have no answer yet. */
  readonly #underWay = new Set<unknown>()
  /** The id of the `initialize` request. */
  #initialize: RequestId | undefined
  #hasAsked = false
  #onReplayed: (() => void) | undefined

  constructor(host: ServerHost, onInitialized: (client: ClientFacts) => void) {
    this.#host = host
    this.#onInitialized = onInitialized
    this.server = host.makeServer()
    void this.server.connect(this)
  }

  get sessionId(): string {
    return this.#host.id
  }

  /** Whether it can be released: a server that has asked its client something stays, so that ids are not reused. */
  get isIdle(): boolean {
    return this.#underWay.size === 0 && !this.#hasAsked && this.ready === undefined
  }

  start(): Promise<void> {
    return Promise.resolve()
  }

  /** Initializes the server as the previous one was. */
  replay(client: ClientFacts): void {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onReplayed = resolve
    this.ready = promise
    this.onmessage?.({ jsonrpc: '2.0', id: REPLAY_ID, method: 'initialize', params: { ...client } })
  }

  take(message: JSONRPCMessage, authInfo: AuthInfo): void {
    if (isRequest(message)) {
      this.#underWay.add(message.id)
      if (message.method === 'initialize') this.#initialize = message.id
    }
    this.onmessage?.(message, { authInfo })
    // It gets no answer.
    if ('method' in message && message.method === CANCELLED)
      this.#underWay.delete(message.params?.['requestId'])
  }

  async send(message: JSONRPCMessage): Promise<void> {
    if (isAnswer(message) && message.id !== undefined) {
      if (message.id === REPLAY_ID && this.#onReplayed !== undefined) return this.#replayed()
      this.#underWay.delete(message.id)
      if (message.id === this.#initialize && 'result' in message) this.#onInitialized(factsIn(this.server))
    } else if (isRequest(message)) this.#hasAsked = true
    await this.#host.send(message)
  }

  /** Ends the requests in progress, and the wait for initialization. */
  end(): void {
    this.onclose?.()
    this.#onReplayed?.()
  }

  close(): Promise<void> {
    this.#host.close()
    return Promise.resolve()
  }

  #replayed(): void {
    this.onmessage?.({ jsonrpc: '2.0', method: INITIALIZED })
    this.ready = undefined
    this.#onReplayed?.()
    this.#onReplayed = undefined
  }
}

function factsIn(server: Server): ClientFacts {
  return {
    protocolVersion: server.getNegotiatedProtocolVersion(),
    capabilities: server.getClientCapabilities(),
    clientInfo: server.getClientVersion(),
  }
}
