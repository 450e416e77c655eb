import type { IncomingHttpHeaders } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { type Dispatcher, request } from 'undici'
import { isTooHeavy } from '../../domain/json/json-weight.ts'
import { joined } from '../../domain/json/sparse-text.ts'
import { mediaTypeOf } from '../../domain/text/media-type.ts'
import { ResponseTooLarge } from '../messages/oversized-message.ts'
import { decoderOf } from './content-decoder.ts'
import type { LargeTransfer } from './large-transfer.ts'

const EVENTS = 'text/event-stream'

/** Ports of other protocols, at which HTTP must not be spoken (WHATWG Fetch, "bad port"). */
const BAD_PORTS: ReadonlySet<number> = new Set([
  1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104,
  109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515,
  526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049,
  3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10_080,
])

/** One HTTP request. */
export interface HttpRequest {
  readonly method: string
  readonly headers: Headers
  readonly body: string | undefined
  readonly signal: AbortSignal | undefined
}

/** How a request is sent. */
export interface Sending {
  readonly dispatcher: Dispatcher
  /** Largest decoded body that is no stream of events. */
  readonly maxBytes: number
  /** Told of what is large. */
  readonly transfer: LargeTransfer
}

/**
 * Sends an HTTP request, and resolves with the response as `fetch` would, which costs several times as much. Only a
 * stream of events has a body; any other is read at once as text, up to `maxBytes`. Redirects are not followed.
 * @throws TypeError as `fetch` does, or the reason of the signal
 */
export async function exchange(
  url: URL,
  sent: HttpRequest,
  { dispatcher, maxBytes, transfer }: Sending,
): Promise<Response> {
  const { method, headers, signal } = sent
  if (BAD_PORTS.has(Number(url.port))) throw failed('fetch failed', new Error('bad port'))
  headers.set('accept-encoding', 'gzip, deflate, br')
  if (!headers.has('user-agent')) headers.set('user-agent', 'tool-gateway')
  const got = await request(url, {
    dispatcher,
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every method is sent as it is
    method: method as 'GET',
    headers: Object.fromEntries(headers),
    body: sent.body ?? null,
    signal: signal ?? null,
  }).catch((error: unknown) => {
    throw signal?.aborted === true ? signal.reason : failed('fetch failed', error)
  })
  const { statusCode: status, statusText } = got
  const { 'content-encoding': coding = '', 'content-type': type = '' } = got.headers
  const body = decoded(got.body, String(coding))
  // One that has failed is not waited for.
  body.once('close', () => transfer.goOn())
  const init = { status, statusText, headers: fieldsOf(got.headers) }
  const isEvents = status < 300 && mediaTypeOf(String(type)) === EVENTS
  // `Readable.toWeb` would end the process where the stream is cancelled while there is more to read.
  if (isEvents) return new Response(ReadableStream.from(body as AsyncIterable<Buffer>), init)
  const text = textOf(body, maxBytes, transfer).catch((error: unknown) => {
    if (error instanceof ResponseTooLarge || signal?.aborted === true) throw error
    throw failed('terminated', error)
  })
  // Not everybody wants it.
  text.catch(() => undefined)
  return Object.defineProperty(new Response(null, init), 'text', { value: () => text })
}

function fieldsOf(headers: IncomingHttpHeaders): [name: string, value: string][] {
  return Object.entries(headers).flatMap(([name, value = []]) =>
    [value].flat().map((each): [string, string] => [name, each]),
  )
}

/** The body without its content codings, the last of which was applied last; unchanged if one of them is unknown. */
function decoded(body: Readable, codings: string): Readable {
  const names = codings.split(',').filter((name) => name.trim() !== '')
  const decoders = names.toReversed().map((name) => decoderOf(name))
  const known = decoders.filter((decoder) => decoder !== undefined)
  if (known.length === 0 || known.length < decoders.length) return body
  // A failure destroys the last of them, which is the one that is read.
  return known.reduce<Readable>((source, decoder) => pipeline(source, decoder, () => undefined), body)
}

async function textOf(body: Readable, maxBytes: number, transfer: LargeTransfer): Promise<string> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size > maxBytes) throw new ResponseTooLarge('the body is too large')
      chunks.push(chunk)
      await transfer.receive(size)
    }
    const bytes = joined(chunks)
    if (isTooHeavy(bytes)) throw new ResponseTooLarge('the body has too many members')
    if (transfer.isLarge) await transfer.turn()
    transfer.pass()
    return new TextDecoder().decode(bytes)
  } finally {
    transfer.drop()
  }
}

/** A failure in the form of `fetch`, by which the reasons are told apart. */
function failed(message: string, cause: unknown): TypeError {
  return new TypeError(message, { cause })
}
