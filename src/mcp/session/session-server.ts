import type { AuthInfo, JSONRPCMessage } from '@modelcontextprotocol/server'
import type { JsonObject } from '../../domain/json/json.ts'
import type { ClientSide } from '../relay/caller-client.ts'
import { type ClientFacts, INITIALIZED, PresentServer, type ServerHost } from './present-server.ts'

/**
 * The SDK's server of one legacy session, which is there only while something is under way: it takes as much memory as all
 * else that an idle session has. The next one is told what the client said when the session began.
 */
export class SessionServer implements ClientSide {
  readonly #host: ServerHost
  /** Who the client is, as the next server is told; undefined until the first one has accepted it. */
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

  /** Takes a message of the client that was parsed and authenticated; resolves once the SDK has it. */
  take(message: JSONRPCMessage, authInfo: AuthInfo): Promise<void> {
    return this.#with((present) => {
      present.take(message, authInfo)
      // Most clients only listen from here on, or want what needs no server.
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

  /** Lets go of the server, unless it is needed for what is under way, or for what its client has not told it yet. */
  rest(): void {
    if (this.#client !== undefined && this.#present?.isIdle === true) this.#present = undefined
  }

  /** Ends what is under way. Idempotent. */
  end(): void {
    this.#isEnded = true
    this.#present?.end()
    this.#present = undefined
  }

  /** Has the messages of the client in their order: what needs the server waits until that knows the client. */
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
