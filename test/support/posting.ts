import type { IncomingMessage, ServerResponse } from 'node:http'
import type { TransitBytes } from '../../src/domain/concurrency/transit-bytes.ts'
import { CookieJar } from '../../src/upstream/fetch/cookie-jar.ts'
import { DirectPost } from '../../src/upstream/fetch/direct-post.ts'
import { LargeReplies } from '../../src/upstream/fetch/large-replies.ts'
import { eventually } from './eventually.ts'
import { type HttpUpstream, listen } from './upstreams/sample-http.ts'

export const JSON_TYPE = { 'content-type': 'application/json' }
export const EVENTS = { 'content-type': 'text/event-stream' }

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown

interface Options {
  readonly headers?: Record<string, string>
  readonly via?: string
  readonly maxBytes?: number
  readonly query?: string
  readonly transit?: TransitBytes
}

/** Opens servers, and what posts to them; `close` ends all of them. */
export class Posting {
  readonly #closing: (() => unknown)[] = []

  async open(
    listener: Listener,
    options: Options = {},
  ): Promise<{ post: DirectPost; upstream: HttpUpstream }> {
    const upstream = await listen(listener)
    this.#closing.push(() => upstream.close())
    const url = new URL(upstream.url + (options.query ?? ''))
    const post = new DirectPost({
      url,
      headers: options.headers ?? {},
      via: options.via,
      cookies: new CookieJar({ url, now: () => 0 }),
      maxBytes: options.maxBytes ?? 100_000,
      large: new LargeReplies(options.transit),
    })
    this.#closing.push(() => post.close())
    return { post, upstream }
  }

  async close(): Promise<void> {
    for (const close of this.#closing.splice(0).toReversed()) await close()
  }
}

/** What was reported of the response to a request. */
export interface Reported {
  readonly messages: string[]
  readonly ends: unknown[]
  resumable: number
  readonly end: () => void
}

/** Sends a request, and keeps what is reported of its response. */
export function send(post: DirectPost, headers: readonly string[] = [], body = '{}'): Reported {
  const reported: Omit<Reported, 'end'> = { messages: [], ends: [], resumable: 0 }
  const end = post.send(
    { headers, body },
    {
      onMessage: (chunks) => void reported.messages.push(Buffer.concat(chunks).toString()),
      onEnd: (failure) => void reported.ends.push(failure),
      onResumable: () => (reported.resumable += 1),
    },
  )
  return Object.assign(reported, { end })
}

/** Waits until the response has ended; the failure, if it ended early. */
export async function ended(reported: Reported): Promise<unknown> {
  await eventually(() => reported.ends.length > 0)
  return reported.ends[0]
}

/** A server that answers every request alike. */
export const answering =
  (status: number, headers: Record<string, string>, body: string | Buffer = ''): Listener =>
  (_request, response) =>
    response.writeHead(status, headers).end(body)
