import { messageOf } from '../../domain/errors/errors.ts'
import type { patientFetch } from '../sign-in/patient-fetch.ts'

/** An HTTP exchange as people may see it: secrets are masked. */
export interface Exchange {
  readonly request: {
    readonly method: string
    readonly url: string
    readonly headers: Readonly<Record<string, string>>
    readonly body?: string
  }
  readonly answer:
    | { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }
    | { readonly error: string }
}

const MAX_BODY = 4000
const MASK = '***'
const SECRET_FIELD =
  /("?\b(?:access_token|refresh_token|id_token|client_secret|registration_access_token|code|code_verifier|ticket)"?\s{0,3}[:=]\s{0,3}"?)([^"&,\s}]+)/g
const SHOWN_HEADERS = [
  'content-type',
  'www-authenticate',
  'location',
  'access-control-allow-origin',
  'mcp-session-id',
  'retry-after',
]

/** Sends requests and remembers each with its answer. */
export class ExchangeRecord {
  readonly exchanges: Exchange[] = []
  readonly #fetch: typeof patientFetch
  readonly #timeoutMs: number

  constructor(options: { fetch: typeof patientFetch; timeoutMs: number }) {
    this.#fetch = options.fetch
    this.#timeoutMs = options.timeoutMs
  }

  /** The exchanges since the last call. */
  taken(): readonly Exchange[] {
    return this.exchanges.splice(0)
  }

  /** `fetch`, whose responses have their whole body already; a stream is read to the first message. */
  readonly fetch = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
    const request = shownRequest(url, init)
    const signal = AbortSignal.timeout(this.#timeoutMs)
    try {
      const response = await this.#fetch(url, { ...init, signal })
      const text = await bodyOf(response)
      const { status, headers } = response
      this.exchanges.push({
        request,
        answer: { status, headers: shownHeaders(headers), body: masked(text).slice(0, MAX_BODY) },
      })
      const isEmpty = status === 204 || status === 205 || status === 304
      return new Response(isEmpty ? null : text, { status, headers: [...headers] })
    } catch (error) {
      this.exchanges.push({ request, answer: { error: networkProblem(error) } })
      throw error
    }
  }
}

/** Why a request got no answer. */
export function networkProblem(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'no answer in time'
  const cause: unknown = error instanceof Error ? error.cause : undefined
  const code: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'code') : undefined
  return typeof code === 'string' ? code : messageOf(error)
}

async function bodyOf(response: Response): Promise<string> {
  const isStream = response.headers.get('content-type')?.startsWith('text/event-stream') === true
  if (!isStream) return await response.text()
  const decoder = new TextDecoder()
  let text = ''
  const chunks: AsyncIterable<Uint8Array> | undefined = response.body ?? undefined
  if (chunks === undefined) return ''
  for await (const chunk of chunks) {
    text += decoder.decode(chunk, { stream: true })
    if (/^data: ?\{[^\n]*"(result|error)"[^\n]*\r?\n\r?\n/m.test(text)) break
  }
  return text
}

function shownRequest(
  url: string | URL,
  { method = 'GET', headers, body }: RequestInit,
): Exchange['request'] {
  const text = body instanceof URLSearchParams ? body.toString() : typeof body === 'string' ? body : undefined
  const shown = [...new Headers(headers)].map(
    ([name, value]) => [name, name === 'authorization' ? value.replace(/ .*/s, ` ${MASK}`) : value] as const,
  )
  return {
    method,
    url: masked(String(url)),
    headers: Object.fromEntries(shown),
    ...(text !== undefined && { body: masked(text) }),
  }
}

function shownHeaders(headers: Headers): Record<string, string> {
  return Object.fromEntries(
    SHOWN_HEADERS.flatMap((name) => {
      const value = headers.get(name)
      return value === null ? [] : [[name, masked(value)] as const]
    }),
  )
}

/** A text in which what may be secret is replaced. */
function masked(text: string): string {
  return text.replace(SECRET_FIELD, `$1${MASK}`)
}
