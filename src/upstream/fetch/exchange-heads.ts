import { SdkError, SdkErrorCode, SdkHttpError } from '@modelcontextprotocol/client'
import { mediaTypeOf } from '../../domain/text/media-type.ts'

/** What a request must not be answered with. */
export const WITHOUT_ANSWER: ReadonlySet<number> = new Set([202, 204, 205])
const JSON_TYPE = 'application/json'

/** The media type of event streams. */
export const EVENTS = 'text/event-stream'
/** The content coding of what is not encoded. */
export const IDENTITY = 'identity'
const ANSWERS = [JSON_TYPE, EVENTS]

/** Headers by their names in lower case. */
export type ResponseHeaders = Readonly<Record<string, string | string[] | undefined>>

/** A server accepted a request without an answer, as servers of another transport do. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly status: number

  constructor(status: number) {
    super(`HTTP ${status} without a response`)
    this.status = status
  }
}

/** A server redirects the request, which it has therefore not handled. */
export class Redirected extends Error {
  override readonly name = 'Redirected'
}

/** The headers of each request of a connection: what the operator gives, and what can be read of a response. */
export function ownHeaders(given: Readonly<Record<string, string>>, via: string | undefined): Headers {
  const headers = new Headers(given)
  const own = headers.get('accept')
  const accepted = [...(own?.split(',').map((type) => type.trim().toLowerCase()) ?? []), ...ANSWERS]
  headers.set('accept', [...new Set(accepted)].join(', '))
  headers.set('accept-encoding', IDENTITY)
  headers.set('content-type', JSON_TYPE)
  if (via !== undefined) headers.set('via', via)
  return headers
}

/** The failure that a response of status 400 and above is. */
export function refusal(
  status: number,
  told: { statusText: string; text: string; retryAfterMs: number | undefined },
): Error {
  const message = `Error POSTing to endpoint: ${told.text}`
  return new SdkHttpError(SdkErrorCode.ClientHttpNotImplemented, message, { status, ...told })
}

/** Why a response that is no refusal cannot hold the answer; undefined if it can. */
export function unfit(status: number, headers: ResponseHeaders): Error | undefined {
  if (status >= 300) return new Redirected(`HTTP ${status}`)
  if (WITHOUT_ANSWER.has(status)) return new NoAnswer(status)
  const { 'content-type': contentType } = headers
  const essence = essenceOf(headers)
  if (essence === EVENTS || essence === JSON_TYPE) return undefined
  const message = `Unexpected content type: ${String(contentType)}`
  return new SdkError(SdkErrorCode.ClientHttpUnexpectedContent, message, { contentType })
}

/** The media type of a response, without parameters. */
export function essenceOf({ 'content-type': type = '' }: ResponseHeaders): string {
  return mediaTypeOf(String(type))
}
