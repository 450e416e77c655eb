import { messageOf } from '../domain/errors.ts'
import { isJsonObject, type JsonObject } from '../domain/json.ts'
import { CliError } from './cli-error.ts'

/** Where a running gateway is and who asks. */
export interface GatewayAddress {
  readonly url: string
  readonly token: string | undefined
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
  throw new CliError('failed', `HTTP ${response.status}`)
}

/** What an answer that is no success says. */
export async function refusal(address: GatewayAddress, response: Response): Promise<CliError> {
  const text = problemText(await response.json().catch(() => undefined)) ?? `HTTP ${response.status}`
  if (response.status === 401 && address.token === undefined) {
    return new CliError(
      'denied',
      `${text}. Give a token with --token or TOOL_GATEWAY_TOKEN; see: tool-gateway token --help`,
    )
  }
  return new CliError(response.status === 401 || response.status === 403 ? 'denied' : 'failed', text)
}

/** Problem details that came in another way, as an event for example. */
export function failureIn(answer: JsonObject): CliError {
  return new CliError('failed', problemText(answer) ?? 'the gateway answered with an error')
}

/** Code and detail of problem details; undefined for any other answer. */
function problemText(answer: unknown): string | undefined {
  if (!isJsonObject(answer)) return undefined
  const { code, title, detail } = answer
  if (typeof code !== 'string' || typeof title !== 'string') return undefined
  return `${code}: ${typeof detail === 'string' ? detail : title}`
}

/** All pages of a list, as one array of its items. */
export async function askAll(
  address: GatewayAddress,
  path: string,
  query: URLSearchParams,
  key: string,
): Promise<JsonObject[]> {
  const items: JsonObject[] = []
  query.set('limit', '1000')
  for (;;) {
    const page = await ask(address, 'GET', `${path}?${query.toString()}`)
    items.push(...objectsIn(page[key]))
    if (typeof page['nextCursor'] !== 'string') return items
    query.set('cursor', page['nextCursor'])
  }
}

/** Sends one request; whatever the answer is. @throws CliError `unavailable` when nothing answers */
export async function open(
  { url, token }: GatewayAddress,
  method: string,
  path: string,
  body: JsonObject | undefined,
  headers: Readonly<Record<string, string>>,
): Promise<Response> {
  try {
    return await fetch(new URL(path, url), {
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
      `no gateway answers at ${url} (${cause}). Is it running? Start it with: npm start`,
    )
  }
}

/** The objects of an array in an answer; nothing where it is none. */
export function objectsIn(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : []
}
