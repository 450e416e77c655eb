import { isLoopback } from '../../domain/loopback.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import type { ClientHabits } from './clients.ts'
import { type ExchangeRecord, networkProblem } from './exchange-record.ts'
import { HopFailure, type HopResult } from './hop.ts'

/** What the answer to a request without a token says of where tokens come from. */
export interface FirstAnswer {
  readonly needsToken: boolean
  readonly metadataUrl: string | undefined
}

const PROTOCOL_VERSION = '2025-11-25'
/** The first request of clients of the legacy era. */
export const INITIALIZE = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: PROTOCOL_VERSION,
    capabilities: {},
    clientInfo: { name: 'tool-gateway doctor', version: '1' },
  },
})
/** Headers of every message to the server. */
export const POST_HEADERS = {
  'content-type': 'application/json',
  accept: 'application/json, text/event-stream',
}

/** The first request, which has no token, as every client sends it. */
export async function firstAnswer(
  url: URL,
  record: ExchangeRecord,
  habits: ClientHabits | undefined,
): Promise<[HopResult, FirstAnswer]> {
  checkReach(url, habits)
  const origin = habits?.origin === undefined ? {} : { origin: habits.origin }
  const response = await reached(url, () =>
    record.fetch(url, { method: 'POST', headers: { ...POST_HEADERS, ...origin }, body: INITIALIZE }),
  )
  const { status, headers } = response
  if (habits?.origin !== undefined && headers.get('access-control-allow-origin') === null)
    throw new HopFailure(
      `the answer may not be read by pages of ${habits.origin}`,
      `Add ${habits.origin} to ALLOWED_ORIGINS of the gateway.`,
    )
  if (status === 200)
    return [{ finding: 'the server needs no token' }, { needsToken: false, metadataUrl: undefined }]
  if (status === 400)
    return [{ finding: 'it asks for no token' }, { needsToken: false, metadataUrl: undefined }]
  if (status === 401) return challenged(headers.get('www-authenticate'))
  throw refusedFirst(url, response)
}

/** @throws HopFailure for a client that cannot reach the address */
function checkReach(url: URL, habits: ClientHabits | undefined): void {
  if (habits?.isRemote === true && isLoopback(url.hostname))
    throw new HopFailure(
      `${habits.title} connects from the internet and cannot reach ${url.host}`,
      'Give the gateway a public https address (PUBLIC_URL) behind a proxy or a tunnel, and use that.',
    )
}

function refusedFirst({ pathname }: URL, { status, headers }: Response): HopFailure {
  if (status >= 300 && status < 400)
    return new HopFailure(
      `it redirects to ${headers.get('location') ?? 'another address'}`,
      'Connect to the address that it redirects to; clients do not follow with a token.',
    )
  if (status === 404 || status === 405)
    return new HopFailure(
      `no MCP server answers at ${pathname} (status ${status})`,
      'The address of a Tool Gateway ends with /mcp, or /mcp/{server} for one server.',
    )
  if (status === 403)
    return new HopFailure(
      'the host or origin is refused (status 403)',
      'Add the host of the address to ALLOWED_HOSTS, and that of PUBLIC_URL, of the gateway.',
    )
  return new HopFailure(`it answers with status ${status}`, 'Look into the log of the server.')
}

function challenged(challenge: string | null): [HopResult, FirstAnswer] {
  const metadataUrl = /resource_metadata="([^"]{1,2000})"/.exec(challenge ?? '')?.[1]
  const finding =
    metadataUrl === undefined
      ? 'it asks for a token (401) and does not say where the metadata is'
      : `it asks for a token (401) and leads to ${metadataUrl}`
  const advice =
    metadataUrl === undefined
      ? 'The header WWW-Authenticate of a 401 should have resource_metadata (RFC 9728 §5.1); a proxy may remove it.'
      : undefined
  return [
    { finding, advice },
    { needsToken: true, metadataUrl },
  ]
}

/** Protected-resource metadata, from where clients look for it in their order. */
export async function resourceMetadata(
  url: URL,
  record: ExchangeRecord,
  metadataUrl: string | undefined,
): Promise<[HopResult, readonly string[]]> {
  const wellKnown = `${url.origin}/.well-known/oauth-protected-resource`
  const path = url.pathname === '/' ? '' : url.pathname
  const places = metadataUrl === undefined ? [...new Set([`${wellKnown}${path}`, wellKnown])] : [metadataUrl]
  const document = await firstDocument(places, record)
  if (document === undefined)
    throw new HopFailure(
      `there is no protected-resource metadata at ${places.join(' or ')}`,
      'Let the proxy pass /.well-known/oauth-protected-resource to the server, and set PUBLIC_URL to the address that clients use.',
    )
  const { resource, authorization_servers: servers } = document
  if (typeof resource !== 'string' || URL.parse(resource)?.href !== url.href)
    throw new HopFailure(
      `the metadata is of the resource ${String(resource)}, not of ${url.href}; VS Code and others refuse that`,
      `Set PUBLIC_URL of the gateway to ${url.origin}, or connect to the address of the resource.`,
    )
  const names = Array.isArray(servers) ? servers.filter((each) => typeof each === 'string') : []
  if (names.length > 0)
    return [{ finding: `the resource is ${resource}, its authorization server ${names.join(', ')}` }, names]
  throw new HopFailure(
    'the server has no authorization server, so no client can sign in',
    'Send a token: --token here, the header Authorization in the file of the client ("tool-gateway token" creates one). Or set OIDC_ISSUER.',
  )
}

async function firstDocument(
  places: readonly string[],
  record: ExchangeRecord,
): Promise<JsonObject | undefined> {
  for (const place of places) {
    const document = await jsonAt(place, record)
    if (document !== undefined) return document
  }
  return undefined
}

/** The JSON object at an address; undefined where there is none. */
export async function jsonAt(address: string, record: ExchangeRecord): Promise<JsonObject | undefined> {
  const url = URL.parse(address)
  if (url === null) return undefined
  const response = await reached(url, () => record.fetch(url, { headers: { accept: 'application/json' } }))
  if (response.status !== 200) return undefined
  try {
    const document: unknown = await response.json()
    return isJsonObject(document) ? document : undefined
  } catch {
    return undefined
  }
}

/** @throws HopFailure when nothing answers */
export async function reached(url: URL, send: () => Promise<Response>): Promise<Response> {
  try {
    return await send()
  } catch (error) {
    throw new HopFailure(
      `${url.host} cannot be reached (${networkProblem(error)})`,
      isLoopback(url.hostname)
        ? 'Start the gateway, or give the address where it listens.'
        : 'Check the address, the name in DNS, the certificate and the proxy (HTTPS_PROXY).',
    )
  }
}
