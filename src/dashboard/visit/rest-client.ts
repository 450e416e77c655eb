import type { OutgoingHttpHeaders } from 'node:http'
import type { Identity } from '../../identity/identity.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'

/** A request to the routes of REST inside this process. */
export interface RestRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** With the query. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: JsonObject
}

/** What the routes of REST answered. */
export interface RestAnswer {
  readonly status: number
  readonly headers: OutgoingHttpHeaders
  readonly text: string
}

/** Has a request answered by the routes of REST, as if a program of that person had sent it. */
export type AskRest = (identity: Identity, request: RestRequest, signal: AbortSignal) => Promise<RestAnswer>

/** A refusal of the routes of REST: its problem details (RFC 9457). */
export class RestProblem extends Error {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string | undefined
  readonly problems: readonly string[]
  /** Seconds after which it may be asked again (`Retry-After`); undefined where that changes nothing. */
  readonly retryAfter: number | undefined
  /** What the server behind the gateway said of its error. */
  readonly said: string | undefined
  /** Where a person approves the call that was refused. */
  readonly approvalUrl: string | undefined

  constructor(status: number, problem: JsonObject, retryAfter?: number) {
    const { title, detail, code, problems, upstream, approval } = problem
    super(text(detail) ?? text(title) ?? `status ${status}`)
    this.status = status
    this.code = text(code) ?? 'internal'
    this.title = text(title) ?? 'The request failed'
    this.detail = text(detail)
    this.problems = Array.isArray(problems) ? problems.map(String) : []
    this.retryAfter = retryAfter
    this.said = isJsonObject(upstream) ? text(upstream['message']) : undefined
    this.approvalUrl = isJsonObject(approval) ? text(approval['url']) : undefined
  }
}

/** An answer of JSON, and its version where it has one. */
export interface Found {
  readonly body: JsonObject
  readonly etag: string | undefined
}

/**
 * The gateway's REST for one person: all that a page shows or does comes from there, so that checks, decisions and
 * records are those of every other caller.
 */
export class RestClient {
  readonly #ask: AskRest
  readonly #identity: Identity
  readonly #signal: AbortSignal

  constructor(options: { ask: AskRest; identity: Identity; signal: AbortSignal }) {
    this.#ask = options.ask
    this.#identity = options.identity
    this.#signal = options.signal
  }

  /** @throws RestProblem */
  async get(
    path: string,
    query: Readonly<Record<string, string | number | undefined>> = {},
  ): Promise<JsonObject> {
    return (await this.find(path, query)).body
  }

  /** Like `get`, with the version. @throws RestProblem */
  find(path: string, query: Readonly<Record<string, string | number | undefined>> = {}): Promise<Found> {
    return this.#send({ method: 'GET', path: `${path}${queryText(query)}` })
  }

  /** The answer of `get`; undefined where this person may not have it, or there is nothing of the kind. */
  async getIfAllowed(...given: Parameters<RestClient['get']>): Promise<JsonObject | undefined> {
    try {
      return await this.get(...given)
    } catch (error) {
      if (error instanceof RestProblem && (error.status === 403 || error.status === 404)) return undefined
      throw error
    }
  }

  /** Also what says 503 with a state in it, as the paths of health do. @throws RestProblem */
  async health(path: string): Promise<JsonObject> {
    const answer = await this.#ask(this.#identity, { method: 'GET', path }, this.#signal)
    const body = bodyOf(answer)
    if (answer.status !== 200 && !('servers' in body)) throw problemIn(answer, body)
    return body
  }

  /** @throws RestProblem */
  async post(
    path: string,
    body?: JsonObject,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<JsonObject> {
    return (await this.#send({ method: 'POST', path, headers, ...(body && { body }) })).body
  }

  /** @param etag the version that is replaced @throws RestProblem */
  async put(path: string, body: JsonObject, etag?: string): Promise<JsonObject> {
    const headers = etag === undefined ? {} : { 'if-match': etag }
    return (await this.#send({ method: 'PUT', path, body, headers })).body
  }

  /** @param etag the version that is removed, for what has versions @throws RestProblem */
  async delete(path: string, etag?: string): Promise<JsonObject> {
    const headers = etag === undefined ? {} : { 'if-match': etag }
    return (await this.#send({ method: 'DELETE', path, headers })).body
  }

  async #send(request: RestRequest): Promise<Found> {
    const answer = await this.#ask(this.#identity, request, this.#signal)
    const body = bodyOf(answer)
    if (answer.status >= 400) throw problemIn(answer, body)
    return { body, etag: text(answer.headers['etag']) }
  }
}

/** A path segment of any text. */
export function segment(name: string): string {
  return encodeURIComponent(name)
}

function queryText(query: Readonly<Record<string, string | number | undefined>>): string {
  const given = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== '') given.set(name, String(value))
  return given.size === 0 ? '' : `?${given.toString()}`
}

function problemIn({ status, headers }: RestAnswer, problem: JsonObject): RestProblem {
  const seconds = headers['retry-after']
  return new RestProblem(status, problem, seconds === undefined ? undefined : Number(seconds))
}

function bodyOf({ text: body }: RestAnswer): JsonObject {
  if (body === '') return {}
  const parsed: unknown = JSON.parse(body)
  return isJsonObject(parsed) ? parsed : {}
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}
