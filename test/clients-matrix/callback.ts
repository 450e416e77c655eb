import { once } from 'node:events'
import { createServer, type Server } from 'node:http'

/** Where a client on this machine gets its code: a port of loopback, which is asked once. */
export class Callback implements AsyncDisposable {
  readonly url: string
  /** The query that the browser came with. */
  readonly query: Promise<URLSearchParams>
  readonly #server: Server

  private constructor(server: Server, url: string) {
    this.#server = server
    this.url = url
    this.query = once(server, 'code').then(([query]) => query as URLSearchParams)
  }

  /** @param at the path, and the port that is tried first; another one is taken where that is not free */
  static async open(at: { path: string; port?: number }): Promise<Callback> {
    const server = createServer((request, response) => {
      const { pathname, searchParams } = new URL(request.url ?? '', 'http://callback')
      if (pathname !== at.path || searchParams.get('state') === null)
        return void response.writeHead(404).end()
      response.writeHead(200, { 'content-type': 'text/html' }).end('You can close this page')
      server.emit('code', searchParams)
    })
    const port = (await listens(server, at.port ?? 0)) ?? (await listens(server, 0))
    return new Callback(server, `http://127.0.0.1:${port}${at.path}`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close()
    this.#server.closeAllConnections()
    await once(this.#server, 'close')
  }
}

async function listens(server: Server, port: number): Promise<number | undefined> {
  server.listen(port, '127.0.0.1')
  // Rejects with an `error` that comes before.
  const isListening = await once(server, 'listening').then(
    () => true,
    () => false,
  )
  const address = server.address()
  return isListening && typeof address === 'object' ? address?.port : undefined
}
