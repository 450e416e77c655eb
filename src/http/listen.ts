import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { Socket } from 'node:net'
import { problemOf } from '../rest/problem.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { Connections } from './connections/connections.ts'
import { Pipelining } from './connections/pipelining.ts'
import type { SlowClients } from './connections/slow-clients.ts'
import { UpgradeResponse, wantsUpgrade } from './upgrade.ts'

const SECOND = 1000
const MAX_HEADERS = 100
/** Maximum of connections waiting to be accepted; beyond it, a client retries after a second. The system may allow fewer. */
const BACKLOG = 4096

/** Limits for the connections of a listener. */
interface ConnectionBounds {
  readonly connections?: Connections
  readonly slowClients?: SlowClients
}

/**
 * The gateway's listening socket. It is opened before the application is built, so that a port in use is reported at once.
 * Until then it answers that the gateway is alive and not ready.
 */
export class HttpListener {
  readonly port: number
  readonly #server: Server
  /** Upgraded connections, which Node's server no longer tracks. */
  readonly #upgraded = new Set<Socket>()
  #listener: RequestListener = answerNotReady
  #isRetired = false

  private constructor(server: Server, { connections, slowClients }: ConnectionBounds) {
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    this.port = address.port
    this.#server = server
    connections?.watch(server)
    slowClients?.watch(server)
    const begin: RequestListener = (request, response) => {
      connections?.busy(request.socket, response)
      if (this.#isRetired) response.shouldKeepAlive = false
      this.#listener(request, response)
    }
    const pipelining = new Pipelining(begin)
    server.on('request', (request, response) => {
      // Another response still has the connection.
      if (response.socket === null) pipelining.wait(request, response)
      else begin(request, response)
    })
    server.on('upgrade', (request, socket, head) => {
      if (!(socket instanceof Socket)) throw new TypeError('not a connection of this server')
      this.#upgraded.add(socket)
      socket.on('close', () => this.#upgraded.delete(socket))
      socket.on('error', () => socket.destroy())
      const response = new UpgradeResponse(request, { socket, head })
      connections?.busy(socket, response)
      this.#listener(request, response)
    })
  }

  /**
   * @throws Error of the system, such as EADDRINUSE
   */
  static async open(options: { host: string; port: number } & ConnectionBounds): Promise<HttpListener> {
    const server = createServer({
      headersTimeout: 10 * SECOND,
      connectionsCheckingInterval: SECOND, // or these two hold up to half a minute late
      requestTimeout: 30 * SECOND, // for receiving a request; answers may stream for as long as they like
      keepAliveTimeout: 65 * SECOND, // longer than a load balancer's, which then never meets a closed connection
      shouldUpgradeCallback: wantsUpgrade,
    })
    // Thousands of headers fit into a head, and each takes more memory than its text.
    server.maxHeadersCount = MAX_HEADERS
    server.listen({ port: options.port, host: options.host, backlog: BACKLOG })
    await once(server, 'listening')
    return new HttpListener(server, options)
  }

  /** Passes every request to `listener` from now on, upgrades included. */
  serve(listener: RequestListener): void {
    this.#listener = listener
  }

  /** Closes each connection after its next response from now on, so that clients can connect to another replica. */
  retire(): void {
    this.#isRetired = true
  }

  /** Stops accepting, lets answers that are being sent finish for `graceMs`, then ends every connection. */
  async close(graceMs: number): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeIdleConnections()
    const timer = setTimeout(() => {
      this.#server.closeAllConnections()
      for (const socket of this.#upgraded) socket.destroy()
    }, graceMs)
    await closed
    clearTimeout(timer)
  }
}

const answerNotReady: RequestListener = (request, response) => {
  if (request.url === '/healthz') {
    response.setHeader('Content-Type', 'application/json').end('{"status":"ok"}')
    return
  }
  response.writeHead(503, { 'Content-Type': 'application/problem+json', 'Retry-After': '1' })
  response.end(JSON.stringify(problemOf(new GatewayError('not_ready'), undefined)))
}
