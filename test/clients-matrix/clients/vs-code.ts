import { randomBytes } from 'node:crypto'
import { Callback } from '../callback.ts'
import {
  type Allowing,
  type MatrixClient,
  type Occasion,
  type Outcome,
  TEXT,
  TOOL,
} from '../matrix-client.ts'
import { textOf } from '../text-of.ts'
import { type Discovered, discover } from './vs-code-discovery.ts'
import { type Json, jsonOf } from './vs-code-http.ts'
import { VsCodeSession } from './vs-code-session.ts'

/** The port that VS Code tries first, so that its redirect URI is the same each time. */
const PORT = 33_418
const GRANTS = ['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:device_code']
const REDIRECTS = [
  'https://insiders.vscode.dev/redirect',
  'https://vscode.dev/redirect',
  'http://127.0.0.1/',
  `http://127.0.0.1:${PORT}/`,
]

/** What its metadata document says. */
export const VS_CODE_DOCUMENT = {
  client_name: 'Visual Studio Code',
  client_uri: 'https://vscode.dev/',
  grant_types: GRANTS,
  response_types: ['code'],
  redirect_uris: [...REDIRECTS, 'http://localhost/', `http://localhost:${PORT}/`],
  token_endpoint_auth_method: 'none',
  application_type: 'native',
}

/** The script, by each of the ways in which VS Code gets a client id. */
export function vsCodeClients(documentUrl: string): readonly MatrixClient[] {
  return [
    {
      name: 'VS Code (script), by its metadata document',
      version: '',
      connect: (on) => connectVsCode(on, documentUrl),
    },
    {
      name: 'VS Code (script), by registration',
      version: '',
      connect: (on) => connectVsCode(on),
    },
  ]
}

/**
 * Does what the code of VS Code does (`extHostMcp.ts`, `oauth.ts`, `extHostAuthentication.ts`): the same requests in the
 * same order, with the same conditions on the answers.
 * @param documentUrl the address of its metadata document, which it prefers where the server takes one
 */
export async function connectVsCode(
  { url, person }: Pick<Occasion<Allowing>, 'url' | 'person'>,
  documentUrl?: string,
): Promise<Outcome> {
  const session = new VsCodeSession(url)
  const challenged = await session.initialize()
  if (challenged.status !== 401) throw new Error(`the first request was answered ${challenged.status}`)
  const found = await discover(url, challenged)
  const takesDocument = found.server['client_id_metadata_document_supported'] === true
  const clientId = documentUrl !== undefined && takesDocument ? documentUrl : await register(found)
  await using callback = await Callback.open({ path: '/', port: PORT })
  const flow = await requestFor(found, clientId, callback.url)
  const asked = await person.allow(flow.url.href)
  const query = await callback.query
  if (query.get('state') !== flow.state) throw new Error('the state is another')
  const tokens = await redeem(found, { clientId, redirectUri: callback.url, verifier: flow.verifier }, query)
  session.token = tokens.access
  const answer = await useTools(session)
  // Half an hour later: with the refreshed token all goes on in the same session.
  session.token = (await refresh(found, clientId, tokens.refresh)).access
  if ((await useTools(session)) !== answer) throw new Error('the refreshed token gets another answer')
  await session.close()
  return { asked, answer }
}

async function useTools(session: VsCodeSession): Promise<string> {
  if (!session.isOpen) {
    const { status } = await session.initialize()
    if (status !== 200) throw new Error(`initialize with the token was answered ${status}`)
    await session.notify('notifications/initialized')
    await session.openBackchannel()
  }
  const { tools } = (await session.request('tools/list', {})) as { tools: readonly { name: string }[] }
  if (!tools.some(({ name }) => name === TOOL)) throw new Error(`${TOOL} is not listed`)
  return textOf(await session.request('tools/call', { name: TOOL, arguments: { text: TEXT } }))
}

async function register({ server, scopes }: Discovered): Promise<string> {
  const endpoint = server['registration_endpoint']
  if (typeof endpoint !== 'string') throw new Error('the server does not support dynamic registration')
  const supported = server['grant_types_supported']
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      client_name: 'Visual Studio Code',
      client_uri: 'https://code.visualstudio.com',
      grant_types: Array.isArray(supported) ? GRANTS.filter((grant) => supported.includes(grant)) : GRANTS,
      response_types: ['code'],
      redirect_uris: REDIRECTS,
      scope: scopes?.join(' '),
      token_endpoint_auth_method: 'none',
      application_type: 'native',
    }),
  })
  const { client_id: id } = await jsonOf(response, 'the registration')
  if (typeof id !== 'string') throw new Error('the registration has no client_id')
  return id
}

async function requestFor({ server, resource, scopes }: Discovered, clientId: string, redirectUri: string) {
  const verifier = randomBytes(32).toString('hex')
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier))
  const state = randomBytes(16).toString('base64')
  const url = new URL(String(server['authorization_endpoint']))
  url.searchParams.append('client_id', clientId)
  url.searchParams.append('response_type', 'code')
  // Also where there is nothing to ask for.
  url.searchParams.append('scope', (scopes ?? []).join(' '))
  url.searchParams.append('code_challenge', Buffer.from(digest).toString('base64url'))
  url.searchParams.append('code_challenge_method', 'S256')
  url.searchParams.append('resource', resource)
  url.searchParams.set('redirect_uri', redirectUri)
  url.searchParams.set('state', state)
  return { url, verifier, state }
}

interface Tokens {
  readonly access: string
  readonly refresh: string
}

function redeem(
  found: Discovered,
  flow: { clientId: string; redirectUri: string; verifier: string },
  query: URLSearchParams,
): Promise<Tokens> {
  return askToken(found, {
    client_id: flow.clientId,
    grant_type: 'authorization_code',
    code: query.get('code') ?? '',
    redirect_uri: flow.redirectUri,
    code_verifier: flow.verifier,
  })
}

function refresh(found: Discovered, clientId: string, token: string): Promise<Tokens> {
  return askToken(found, { client_id: clientId, grant_type: 'refresh_token', refresh_token: token })
}

async function askToken({ server, resource }: Discovered, params: Record<string, string>): Promise<Tokens> {
  const response = await fetch(String(server['token_endpoint']), {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' },
    body: new URLSearchParams({ ...params, resource }).toString(),
  })
  const body = await jsonOf(response, 'the token endpoint')
  const { access_token: access, token_type: type, refresh_token: refreshed } = body
  if (typeof access !== 'string' || type === undefined) throw new Error('the answer is no token response')
  checkClaims(access)
  return { access, refresh: String(refreshed) }
}

/** VS Code names the account by the claims of a token. */
function checkClaims(token: string): void {
  const [, payload = ''] = token.split('.')
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Json
  if (typeof claims['sub'] !== 'string') throw new Error('the token names nobody')
}
