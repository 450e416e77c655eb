import { once } from 'node:events'
import { createServer, type IncomingMessage, request as httpRequest, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'

/**
 * A load balancer without affinity: each request goes to the next gateway. One that its last readiness probe did not
 * find ready gets none; a request is never tried twice.
 */
export class RoundRobin {
  readonly url: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #targets: { readonly url: string; isReady: boolean }[] = []
  #next = 0
  #probing: NodeJS.Timeout | undefined

  private constructor(server: Server) {
    this.#server = server
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    server.on('request', (request: IncomingMessage, response) => {
      const target = this.#choose()
      if (target === undefined) {
        response.writeHead(502).end()
        return
      }
      const { hostname, port } = new URL(target)
      const { method, url: path, headers } = request
      const onward = httpRequest({ hostname, port, method, path, headers, agent: false })
      onward.on('response', (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        response.flushHeaders()
        answer.pipe(response)
        answer.on('error', () => response.destroy())
        answer.on('aborted', () => response.destroy())
      })
      onward.on('error', () => (response.headersSent ? response.destroy() : response.writeHead(502).end()))
      response.on('close', () => onward.destroy())
      request.pipe(onward)
    })
    server.on('upgrade', (request, socket: Socket, head: Buffer) => this.#upgrade(request, socket, head))
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  static async open(): Promise<RoundRobin> {
    const server = createServer({ keepAliveTimeout: 60_000 }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new RoundRobin(server)
  }

  /** Sends requests to these gateways from now on. */
  use(urls: readonly string[]): void {
    this.#targets = urls.map((url) => ({ url, isReady: true }))
  }

  /** Asks each gateway every `everyMs` whether it is ready. */
  probe(everyMs: number): void {
    this.#probing = setInterval(() => {
      for (const target of this.#targets)
        void fetch(`${target.url}/readyz`, { signal: AbortSignal.timeout(1000) }).then(
          ({ ok }) => (target.isReady = ok),
          () => (target.isReady = false),
        )
    }, everyMs)
  }

  async close(): Promise<void> {
    clearInterval(this.#probing)
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }

  #choose(): string | undefined {
    const ready = this.#targets.filter(({ isReady }) => isReady)
    return ready[(this.#next += 1) % ready.length]?.url
  }

  #upgrade({ method, url: path, rawHeaders }: IncomingMessage, socket: Socket, head: Buffer): void {
    const target = this.#choose()
    if (target === undefined) return void socket.destroy()
    const { hostname, port } = new URL(target)
    const lines = rawHeaders.flatMap((name, index) =>
      index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1]}`] : [],
    )
    const onward = connect(Number(port), hostname, () => {
      onward.write(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      onward.write(head)
      onward.pipe(socket).pipe(onward)
    })
    onward.on('error', () => socket.destroy())
    onward.on('close', () => socket.destroy())
    socket.on('error', () => onward.destroy())
    socket.on('close', () => onward.destroy())
  }
}
