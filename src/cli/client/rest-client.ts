import { messageOf } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { printableLine } from '../../domain/text/printable.ts'
import type { OwnToken } from './own-token.ts'
import { adviceFor, type SentToken } from './token-advice.ts'

/** Of what a server says of its error, as much as somebody reads. */
const MAX_SAID = 1000

/** Where a running gateway is and who asks. */
export interface GatewayAddress {
  readonly url: string
  /** What to send: the token that was given, else one made here, where that is possible. */
  readonly sent: () => Promise<SentToken>
}

/**
 * The gateway at `url`, asked with `token`, or with one of `ttlMs` that is made when it is first needed.
 * @param options.tell is told where, and as whom
 */
export function gatewayAt(options: {
  url: string
  token: string | undefined
  env: NodeJS.ProcessEnv
  ttlMs: number
  tell: (line: string) => void
}): GatewayAddress {
  const { url, token, env, ttlMs, tell } = options
  let sent: Promise<SentToken> | undefined
  if (token !== undefined && !/^[\x21-\x7e]+$/.test(token)) {
    throw new CliError(
      'usage',
      'the token contains spaces, line breaks or other characters that are not allowed',
    )
  }
  const choose = async (): Promise<SentToken> => {
    const own = token === undefined ? await made(url, env, ttlMs) : undefined
    const isMade = own !== undefined && 'token' in own
    tell(`asking ${url} ${whose(token, own)}\n`)
    return { token: isMade ? own.token : token, own, env }
  }
  return { url, sent: () => (sent ??= choose()) }
}

async function made(url: string, env: NodeJS.ProcessEnv, ttlMs: number): Promise<OwnToken> {
  const { ownToken } = await import('./own-token.ts')
  return await ownToken(url, env, ttlMs)
}

function whose(token: string | undefined, own: OwnToken | undefined): string {
  if (own === undefined) return token === undefined ? 'without a token' : 'with the token that was given'
  if ('reason' in own) return `without a token: ${own.reason}`
  return `with a token created here (roles ${own.roles.join(', ')}) with the key ${own.keyFile}`
}

/**
 * One request to a running gateway's REST API.
 * @throws CliError `unavailable` when nothing answers, `denied` for 401 and 403, else `failed` with the problem
 */
export async function ask(
  address: GatewayAddress,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: JsonObject,
  headers: Readonly<Record<string, string>> = {},
): Promise<JsonObject> {
  const response = await open(address, method, path, body, headers)
  if (response.status === 204) return {}
  if (!response.ok) throw await refusal(address, response)
  const answer: unknown = await response.json().catch(() => undefined)
  if (isJsonObject(answer)) return answer
  throw new CliError(
    'failed',
    `${address.url} answered with HTTP ${response.status}, but not with a JSON object; is it a Tool Gateway?`,
  )
}

/** What an answer that is no success says. */
export async function refusal(address: GatewayAddress, response: Response): Promise<CliError> {
  const { status } = response
  const answer: unknown = await response.json().catch(() => undefined)
  const text = problemText(answer) ?? `${address.url} answered with HTTP ${status}; is it a Tool Gateway?`
  const wait = retryText(answer, response)
  const advice = adviceFor(status, text, await address.sent())
  const kind = status === 401 || status === 403 ? 'denied' : 'failed'
  return new CliError(kind, `${text}${wait}${advice === '' ? '' : `\n${advice}`}`)
}

/** Problem details that came in another way, as an event for example. */
export function failureIn(answer: JsonObject): CliError {
  const text = problemText(answer) ?? 'the gateway answered with an error'
  return new CliError('failed', text + retryText(answer, undefined))
}

/** Code and detail of problem details, and what else is wrong; undefined for any other answer. */
function problemText(answer: unknown): string | undefined {
  if (!isJsonObject(answer)) return undefined
  const { code, title, detail, problems, upstream } = answer
  if (typeof code !== 'string' || typeof title !== 'string') return undefined
  const all = Array.isArray(problems) ? problems.map(String) : []
  // The detail of most is the same problems on one line, or as many as have room.
  const isSaid = typeof detail !== 'string' || all.join('; ').startsWith(detail)
  const said = isJsonObject(upstream) && typeof upstream['message'] === 'string' ? [upstream['message']] : []
  return `${code}: ${isSaid ? title : detail}${[...all, ...said.map(itSaid)].map((line) => `\n  ${line}`).join('')}`
}

function itSaid(message: string): string {
  return `it said: ${printableLine(message).slice(0, MAX_SAID)}`
}

/** When to try again, where the gateway says so of a limit. */
function retryText(answer: unknown, response: Response | undefined): string {
  const { retryAfterMs } = isJsonObject(answer) ? answer : {}
  const header =
    response?.status === 429 ? Number(response.headers.get('retry-after') ?? Number.NaN) : Number.NaN
  const seconds = typeof retryAfterMs === 'number' ? Math.ceil(retryAfterMs / 100) / 10 : header
  return Number.isFinite(seconds) ? ` (try again in ${seconds} s)` : ''
}

/** All pages of a list: its items, and the last page, which says what is missing. */
export async function askAll(
  address: GatewayAddress,
  path: string,
  query: URLSearchParams,
  key: string,
  pageSize = 1000,
): Promise<{ readonly items: JsonObject[]; readonly page: JsonObject }> {
  const items: JsonObject[] = []
  query.set('limit', String(pageSize))
  for (;;) {
    const page = await ask(address, 'GET', `${path}?${query.toString()}`)
    items.push(...objectsIn(page[key]))
    if (typeof page['nextCursor'] !== 'string') return { items, page }
    query.set('cursor', page['nextCursor'])
  }
}

/**
 * Sends one request, and returns every answer, errors included.
 * @throws CliError `unavailable` if nothing answers
 */
export async function open(
  address: GatewayAddress,
  method: string,
  path: string,
  body: JsonObject | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  const { token } = await address.sent()
  try {
    return await fetch(`${address.url}${path}`, {
      method,
      headers: {
        accept: 'application/json',
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
  } catch (error) {
    const cause =
      error instanceof Error && error.cause !== undefined ? messageOf(error.cause) : messageOf(error)
    throw new CliError(
      'unavailable',
      `no gateway answers at ${address.url} (${cause}). Is it running? Start it with: npm start`,
    )
  }
}

/** The objects of an array in an answer; nothing where it is none. */
export function objectsIn(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}
