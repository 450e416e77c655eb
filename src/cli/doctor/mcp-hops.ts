import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { claimsIn } from './authorization-hops.ts'
import type { ExchangeRecord } from './exchange-record.ts'
import { HopFailure, type HopResult } from './hop.ts'
import { INITIALIZE, POST_HEADERS, reached } from './resource-hops.ts'

/** A conversation that was opened: what its next requests need. */
export interface Conversation {
  readonly isModern: boolean
  readonly headers: Readonly<Record<string, string>>
}

const MODERN = '2026-07-28'
const ENVELOPE = {
  _meta: {
    'io.modelcontextprotocol/protocolVersion': MODERN,
    'io.modelcontextprotocol/clientInfo': { name: 'tool-gateway doctor', version: '1' },
    'io.modelcontextprotocol/clientCapabilities': {},
  },
}

/**
 * `initialize` with the token, as clients of the legacy era open a conversation; `server/discover` where the server speaks
 * 2026-07-28 only.
 */
export async function opened(
  url: URL,
  record: ExchangeRecord,
  token: string | undefined,
): Promise<[HopResult, Conversation]> {
  const authorization = token === undefined ? undefined : { authorization: `Bearer ${token}` }
  const headers = { ...POST_HEADERS, ...authorization }
  const response = await reached(url, () => record.fetch(url, { method: 'POST', headers, body: INITIALIZE }))
  if (response.status === 400) return await discovered(url, record, headers)
  if (!response.ok) throw refusal(response, token)
  const result = resultIn(await response.text())
  if (result === undefined)
    throw new HopFailure(
      'the answer to initialize is not a result of JSON-RPC',
      'Something else than an MCP server answers at this address.',
    )
  const { serverInfo, protocolVersion } = result
  const session = response.headers.get('mcp-session-id')
  const name = isJsonObject(serverInfo) ? String(serverInfo['name']) : 'a server without a name'
  return [
    { finding: `${name} speaks ${String(protocolVersion)}` },
    {
      isModern: false,
      headers: {
        ...headers,
        'mcp-protocol-version': String(protocolVersion),
        ...(session !== null && { 'mcp-session-id': session }),
      },
    },
  ]
}

async function discovered(
  url: URL,
  record: ExchangeRecord,
  given: Readonly<Record<string, string>>,
): Promise<[HopResult, Conversation]> {
  const conversation = { isModern: true, headers: { ...given, 'mcp-protocol-version': MODERN } }
  const response = await post(url, record, conversation, { id: 1, method: 'server/discover' })
  const result = response.ok ? resultIn(await response.text()) : undefined
  if (result === undefined)
    throw new HopFailure(
      `the server answers neither initialize nor server/discover (status ${response.status})`,
      'Something else than an MCP server over Streamable HTTP answers at this address.',
    )
  return [{ finding: `a server of ${MODERN}` }, conversation]
}

async function post(
  url: URL,
  record: ExchangeRecord,
  { isModern, headers }: Conversation,
  message: { readonly id?: number; readonly method: string },
): Promise<Response> {
  const { id, method } = message
  const body = JSON.stringify({
    jsonrpc: '2.0',
    ...(id !== undefined && { id }),
    method,
    ...(isModern && { params: ENVELOPE }),
  })
  const all = { ...headers, ...(isModern && { 'mcp-method': method }) }
  return await reached(url, () => record.fetch(url, { method: 'POST', headers: all, body }))
}

/** `tools/list` in the conversation, which then ends. */
export async function tools(
  url: URL,
  record: ExchangeRecord,
  conversation: Conversation,
): Promise<HopResult> {
  const { isModern, headers } = conversation
  if (!isModern) await post(url, record, conversation, { method: 'notifications/initialized' })
  const response = await post(url, record, conversation, { id: 2, method: 'tools/list' })
  const result = response.ok ? resultIn(await response.text()) : undefined
  if (headers['mcp-session-id'] !== undefined)
    await record.fetch(url, { method: 'DELETE', headers }).catch(() => undefined)
  const { tools: listed } = result ?? {}
  if (!Array.isArray(listed))
    throw new HopFailure('the server does not list its tools', 'Look into the log of the server.')
  if (listed.length > 0) return { finding: `${listed.length} tools on the first page` }
  return {
    finding: 'the list of tools is empty',
    advice:
      'The token is good and sees no tool: its roles do not fit requiredRoles of any server, or no server is ready ("tool-gateway access explain" and "servers list" say more).',
  }
}

function refusal(response: Response, token: string | undefined): HopFailure {
  const challenge = response.headers.get('www-authenticate') ?? ''
  const reason = /error_description="([^"]{1,300})"/.exec(challenge)?.[1] ?? `status ${response.status}`
  const claims = token === undefined ? undefined : claimsIn(token)
  const says =
    claims === undefined
      ? 'The token is not a JWT, which the gateway needs.'
      : `The token says iss ${JSON.stringify(claims['iss'])}, aud ${JSON.stringify(claims['aud'])}.`
  return new HopFailure(
    `the server refuses the token: ${reason}`,
    `${says} The issuer has to be OIDC_ISSUER, the audience OIDC_AUDIENCE or the address itself, and the claim of CLAIM_TENANT a tenant; docs/identity-providers/ has a page for common providers.`,
  )
}

function resultIn(text: string): JsonObject | undefined {
  const data = /^data: ?(\{[^\n]*)/m.exec(text)?.[1] ?? text
  try {
    const message: unknown = JSON.parse(data)
    const result = isJsonObject(message) ? message['result'] : undefined
    return isJsonObject(result) ? result : undefined
  } catch {
    return undefined
  }
}
