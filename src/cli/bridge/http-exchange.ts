import { setTimeout } from 'node:timers/promises'
import { backoffMs } from '../../domain/backoff.ts'
import type { patientFetch } from '../sign-in/patient-fetch.ts'
import type { Credentials } from './credentials.ts'

/** Errors of connections that were never made, so that nothing was sent. */
const NOT_CONNECTED = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])
const BACKOFF = { smallestMs: 100, firstMs: 400, largestMs: 10_000 }
const MAX_RENEWALS = 2

/** A server could not be reached, or a connection to it was lost. */
class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
}

/** One HTTP request to the server. */
export interface HttpRequest {
  readonly method: 'POST' | 'GET' | 'DELETE'
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  readonly signal: AbortSignal
  /** Whether it may be sent again although it may have arrived. */
  readonly mayRepeat: boolean
  /** How long to try again where the server cannot be reached. */
  readonly giveUpMs: number
}

interface HttpExchangeOptions {
  readonly url: URL
  /** Headers of every request. */
  readonly headers: Readonly<Record<string, string>>
  readonly credentials: Credentials
  readonly fetch: typeof patientFetch
  readonly say: (text: string) => void
}

/** Sends HTTP requests with the token of the person, who is asked to sign in where that is needed, and tries again. */
export class HttpExchange {
  readonly #options: HttpExchangeOptions

  constructor(options: HttpExchangeOptions) {
    this.#options = options
  }

  /**
   * The response, which may be an error of HTTP, but not 401.
   * @throws ConnectionError when the server cannot be reached, SignInError when the person cannot sign in
   */
  async send(request: HttpRequest): Promise<Response> {
    const { credentials, say, url } = this.#options
    const startedAt = performance.now()
    let failures = 0
    let renewals = 0
    for (;;) {
      const token = await credentials.token()
      const outcome = await this.#attempt(request, token)
      if (outcome instanceof Response) {
        if (failures > 0) say(`${url.host} can be reached again.`)
        if (!needsToken(outcome) || renewals === MAX_RENEWALS) return outcome
        renewals += 1
        failures = 0
        await outcome.body?.cancel()
        await credentials.renew(token, outcome)
        continue
      }
      failures += 1
      if (!outcome.wasNotSent && !request.mayRepeat) throw lost(url, outcome.reason)
      if (performance.now() - startedAt > request.giveUpMs) throw unreachable(url, outcome.reason)
      if (failures === 1) say(`${url.host} cannot be reached (${outcome.reason}); trying again.`)
      await setTimeout(backoffMs(failures, Math.random, BACKOFF), undefined, { signal: request.signal })
    }
  }

  async #attempt(
    { method, headers, body, signal, mayRepeat }: HttpRequest,
    token: string | undefined,
  ): Promise<Response | { readonly reason: string; readonly wasNotSent: boolean }> {
    const { url, headers: own, fetch } = this.#options
    try {
      const response = await fetch(url, {
        method,
        headers: { ...own, ...headers, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
        ...(body !== undefined && { body }),
        signal,
      })
      if (response.status !== 503 || !mayRepeat) return response
      await response.body?.cancel()
      return { reason: 'it answers with status 503', wasNotSent: true }
    } catch (error) {
      signal.throwIfAborted()
      const code = codeOf(error)
      return { reason: code ?? 'the connection was lost', wasNotSent: NOT_CONNECTED.has(code ?? '') }
    }
  }
}

function needsToken(response: Response): boolean {
  if (response.status === 401) return true
  const challenge = response.headers.get('www-authenticate') ?? ''
  return response.status === 403 && challenge.includes('insufficient_scope')
}

function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Error ? error.cause : undefined
  const code: unknown = typeof cause === 'object' && cause !== null ? Reflect.get(cause, 'code') : undefined
  return typeof code === 'string' ? code : undefined
}

function lost(url: URL, reason: string): ConnectionError {
  return new ConnectionError(
    `The connection to ${url.host} was lost (${reason}) before the response came; the request may have run.`,
  )
}

function unreachable(url: URL, reason: string): ConnectionError {
  return new ConnectionError(`${url.host} cannot be reached (${reason}).`)
}
