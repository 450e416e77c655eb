import { auth } from '@modelcontextprotocol/client'
import { messageOf } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { LoopbackRedirect } from '../sign-in/loopback-redirect.ts'
import { OAuthClient } from '../sign-in/oauth-client.ts'
import type { ExchangeRecord } from './exchange-record.ts'
import { HopFailure, type HopResult } from './hop.ts'
import { jsonAt } from './resource-hops.ts'

/** Metadata of the authorization server, from where clients look for it (RFC 8414 §3, OIDC Discovery §4). */
export async function serverMetadata(
  issuer: string,
  record: ExchangeRecord,
): Promise<[HopResult, JsonObject]> {
  const { origin, pathname } = new URL(issuer)
  const path = pathname === '/' ? '' : pathname.replace(/\/$/, '')
  const places = [
    `${origin}/.well-known/oauth-authorization-server${path}`,
    `${origin}/.well-known/openid-configuration${path}`,
    `${origin}${path}/.well-known/openid-configuration`,
  ]
  let document: JsonObject | undefined
  for (const place of new Set(places)) document ??= await jsonAt(place, record)
  if (document === undefined)
    throw new HopFailure(
      `there is no metadata of the authorization server at ${[...new Set(places)].join(' or ')}`,
      'OIDC_ISSUER has to be the exact issuer of the identity provider; its discovery document must be reachable for clients, too.',
    )
  if (document['issuer'] !== issuer)
    throw new HopFailure(
      `the metadata is of the issuer ${String(document['issuer'])}, not of ${issuer}`,
      'Set OIDC_ISSUER to exactly what the discovery document says, with or without the slash at the end.',
    )
  const methods = document['code_challenge_methods_supported']
  if (!Array.isArray(methods) || !methods.includes('S256'))
    throw new HopFailure(
      'the authorization server does not say that it supports PKCE with S256, without which clients of MCP refuse it',
      'Use a provider whose metadata has code_challenge_methods_supported, or the authorization server of the gateway.',
    )
  return [{ finding: `${issuer} supports PKCE` }, document]
}

/** How a client that nobody knows yet gets an id. */
export function registrationWays(metadata: JsonObject, clientId: string | undefined): HopResult {
  if (clientId !== undefined) return { finding: `the client ${clientId} is registered already` }
  const ways = [
    ...(metadata['client_id_metadata_document_supported'] === true ? ['client ID metadata documents'] : []),
    ...(typeof metadata['registration_endpoint'] === 'string' ? ['dynamic registration'] : []),
  ]
  if (ways.length > 0) return { finding: `clients register by ${ways.join(' and ')}` }
  throw new HopFailure(
    'the authorization server registers no clients by itself',
    'Register the client there and give its id to the client (--client-id here), or let the gateway be the authorization server, which registers clients.',
  )
}

/** Registers and signs in with the SDK's client, in the browser. */
export async function signedIn(
  server: URL,
  record: ExchangeRecord,
  options: {
    readonly metadataUrl: string | undefined
    readonly clientId: string | undefined
    readonly timeoutMs: number
    readonly open: (url: URL) => void
  },
): Promise<[HopResult, string]> {
  const redirect = await LoopbackRedirect.open(undefined)
  try {
    const client = new OAuthClient({
      credentials: { server: server.href },
      save: () => Promise.resolve(),
      identity: { clientId: options.clientId },
      scope: undefined,
      redirectUrl: redirect.url,
      port: redirect.port,
    })
    const { metadataUrl } = options
    const common = {
      serverUrl: server,
      fetchFn: record.fetch,
      ...(metadataUrl !== undefined && { resourceMetadataUrl: new URL(metadataUrl) }),
    }
    await auth(client, common)
    options.open(client.authorizationUrl)
    const { code, iss } = await redirect.received(client.state(), options.timeoutMs)
    await auth(client, { ...common, authorizationCode: code, ...(iss !== undefined && { iss }) })
    const token = client.tokens()?.access_token
    if (token === undefined) throw new Error('the authorization server gave no token')
    const renewal =
      client.tokens()?.refresh_token === undefined ? 'without a refresh token' : 'with a refresh token'
    return [{ finding: `the person signed in, and the client got a token ${renewal}` }, token]
  } catch (error) {
    throw new HopFailure(
      `the sign-in failed: ${messageOf(error)}`,
      'The answer of the authorization server is above (--verbose shows all); its log says more.',
    )
  } finally {
    redirect.close()
  }
}

/** What a token says of whom it is for; nothing is verified here. */
export function claimsIn(token: string): JsonObject | undefined {
  try {
    const claims: unknown = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
    return isJsonObject(claims) ? claims : undefined
  } catch {
    return undefined
  }
}
