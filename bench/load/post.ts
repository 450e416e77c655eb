import { Pool } from 'undici'

/** An answer over HTTP, read whole. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Buffer
}

/** What may differ from the other requests of a poster. */
interface PostOptions {
  readonly path?: string
  readonly method?: 'POST' | 'DELETE'
  /** In addition to those of all. */
  readonly headers?: Record<string, string>
}

/** Posts JSON over one keep-alive connection, or over those of a pool. */
export class Poster {
  readonly #pool: Pool
  readonly #isShared: boolean
  readonly #path: string
  readonly #headers: Record<string, string>

  constructor(url: URL, headers: Record<string, string>, pool?: Pool) {
    this.#pool = pool ?? poolOf(url, 1)
    this.#isShared = pool !== undefined
    this.#path = url.pathname + url.search
    this.#headers = { 'content-type': 'application/json', ...headers }
  }

  /** Sends it there, or to another path. Rejects when the connection fails. */
  send(
    body: string | undefined,
    { path = this.#path, method = 'POST', headers = {} }: PostOptions = {},
  ): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>()
    const chunks: Buffer[] = []
    let head = { status: 0, headers: {} }
    this.#pool.dispatch(
      { path, method, headers: { ...this.#headers, ...headers }, body: body ?? null },
      {
        onRequestStart: () => undefined,
        onResponseStart: (_controller, status, fields) => void (head = { status, headers: fields }),
        onResponseData: (_controller, chunk) => void chunks.push(chunk),
        onResponseEnd: () =>
          resolve({ ...head, body: chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks) }),
        onResponseError: (_controller, error) => reject(error),
      },
    )
    return promise
  }

  async close(): Promise<void> {
    if (!this.#isShared) await this.#pool.destroy()
  }
}

/** So many keep-alive connections to the origin of a URL. */
export function poolOf(url: URL, connections: number): Pool {
  return new Pool(url.origin, { connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })
}

/** The body of an answer with that status. @throws Error with the start of any other answer */
export function bodyOf({ status, body }: Answer, expected = 200): Buffer {
  if (status === expected) return body
  throw new Error(`answered ${status}: ${body.toString('utf8', 0, 300)}`)
}
