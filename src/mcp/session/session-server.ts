import type { AuthInfo, JSONRPCMessage } from '@modelcontextprotocol/server'
import type { JsonObject } from '../../domain/json/json.ts'
import type { ClientSide } from '../relay/caller-client.ts'
import { type ClientFacts, INITIALIZED, PresentServer, type ServerHost } from './present-server.ts'

/**
 * The SDK's server of one legacy session, which exists only while requests are in progress: it takes as much memory as
 * everything else in an idle session. The next one is initialized as the client did when the session began.
 */
export class SessionServer implements ClientSide {
  readonly #host: ServerHost
  /** What the next server is initialized with; undefined until the first one has accepted the client. */
  #client: ClientFacts | undefined
  #present: PresentServer | undefined
  #isEnded = false

  constructor(host: ServerHost) {
    this.#host = host
  }

  getClientCapabilities(): ClientFacts['capabilities'] {
    return this.#client?.capabilities
  }

  getClientVersion(): ClientFacts['clientInfo'] {
    return this.#client?.clientInfo
  }

  getNegotiatedProtocolVersion(): string | undefined {
    return this.#client?.protocolVersion
  }

  /** Whether there is a server now. */
  get isPresent(): boolean {
    return this.#present !== undefined
  }

  /** Passes on a message of the client that was parsed and authenticated; resolves once the SDK has it. */
  take(message: JSONRPCMessage, authInfo: AuthInfo): Promise<void> {
    return this.#with((present) => {
      present.take(message, authInfo)
      // Most clients only listen from now on, or send requests that need no server.
      if ('method' in message && message.method === INITIALIZED) this.rest()
    })
  }

  /** @throws Error if the session has ended */
  async request(...asked: Parameters<ClientSide['request']>): Promise<unknown> {
    if (this.#isEnded) throw new Error('the session has ended')
    const { promise, resolve } = Promise.withResolvers<PresentServer>()
    void this.#with(resolve)
    const { server } = await promise
    return (server as ClientSide).request(...asked)
  }

  /** Sends a notification that belongs to no request, for which no server is needed. */
  notification({ method, params }: { method: string; params?: JsonObject }): Promise<void> {
    return this.#host.send({ jsonrpc: '2.0', method, ...(params !== undefined && { params }) })
  }

  /** Releases the server, unless requests are in progress or it is not initialized yet. */
  rest(): void {
    if (this.#client !== undefined && this.#present?.isIdle === true) this.#present = undefined
  }

  /** Ends the requests in progress. Idempotent. */
  end(): void {
    this.#isEnded = true
    this.#present?.end()
    this.#present = undefined
  }

  /** Handles the messages of the client in order: those that need the server wait until it is initialized. */
  async #with(use: (present: PresentServer) => void): Promise<void> {
    if (this.#isEnded) return
    const present = (this.#present ??= this.#begin())
    if (present.ready !== undefined) await present.ready
    if (!this.#isEnded) use(present)
  }

  #begin(): PresentServer {
    const present = new PresentServer(this.#host, (client) => (this.#client = client))
    if (this.#client !== undefined) present.replay(this.#client)
    return present
  }
}
