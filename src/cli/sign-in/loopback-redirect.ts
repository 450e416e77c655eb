import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { SignInError } from './sign-in-error.ts'

const PATH = '/callback'
const HEADERS = {
  'Content-Type': 'text/html; charset=utf-8',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'",
  'Referrer-Policy': 'no-referrer',
  Connection: 'close',
}

/** What an authorization server says at the end of a sign-in. */
export interface AuthorizationResponse {
  readonly code: string
  readonly iss: string | undefined
}

/** Receives the redirect that ends a sign-in in the browser, on a port of this machine (RFC 8252 §7.3). */
export class LoopbackRedirect {
  /** The redirect URI. */
  readonly url: string
  readonly port: number
  readonly #server: Server
  readonly #response = Promise.withResolvers<AuthorizationResponse>()
  #state: string | undefined

  private constructor(server: Server) {
    const address = server.address()
    this.port = typeof address === 'object' ? (address?.port ?? 0) : 0
    this.url = `http://127.0.0.1:${this.port}${PATH}`
    this.#server = server
    // It may come to an end that nobody waits for.
    this.#response.promise.catch(() => undefined)
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.#answer(request, response),
    )
  }

  /** @param port the one to use if it is free */
  static async open(port: number | undefined): Promise<LoopbackRedirect> {
    return new LoopbackRedirect(await listening(port ?? 0).catch(() => listening(0)))
  }

  /**
   * Resolves with the response that has this `state`; others are refused and change nothing.
   * @throws SignInError when the authorization server says no, or nothing comes in time
   */
  async received(state: string, timeoutMs: number): Promise<AuthorizationResponse> {
    this.#state = state
    const timer = setTimeout(
      () => this.#response.reject(new SignInError(`no one signed in within ${durationText(timeoutMs)}`)),
      timeoutMs,
    )
    try {
      return await this.#response.promise
    } finally {
      clearTimeout(timer)
    }
  }

  close(): void {
    this.#server.close()
    this.#server.closeIdleConnections()
  }

  #answer({ url = '', method }: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(url, this.url)
    if (pathname !== PATH || method !== 'GET') return page(response, 404, 'Nothing is here.')
    if (this.#state === undefined || searchParams.get('state') !== this.#state)
      return page(response, 400, 'This is not the answer to a sign-in that was started here.')
    const code = searchParams.get('code')
    if (code === null) {
      const reason = searchParams.get('error_description') ?? searchParams.get('error') ?? 'no code'
      this.#response.reject(new SignInError(`the authorization server says: ${reason.slice(0, 300)}`))
      return page(response, 200, 'You are not signed in. The program that asked for it says why.')
    }
    this.#response.resolve({ code, iss: searchParams.get('iss') ?? undefined })
    page(response, 200, 'You are signed in. You can close this page.')
  }
}

function durationText(ms: number): string {
  const [count, unit] = ms < 120_000 ? [Math.round(ms / 1000), 'second'] : [Math.round(ms / 60_000), 'minute']
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

async function listening(port: number): Promise<Server> {
  const server = createServer().listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function page(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, HEADERS)
  response.end(
    `<!doctype html><html lang="en"><meta charset="utf-8"><title>Tool Gateway</title>` +
      `<body style="font:1.1rem system-ui;margin:20vh auto;max-width:32rem;text-align:center"><p>${text}</p></body></html>`,
  )
}
