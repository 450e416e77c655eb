import {
  checkResourceAllowed,
  discoverAuthorizationServerMetadata,
  discoverOAuthProtectedResourceMetadata,
  extractWWWAuthenticateParams,
  LATEST_PROTOCOL_VERSION,
  type OAuthProtectedResourceMetadata,
} from '@modelcontextprotocol/client'
import type { AuthorizationServer } from 'oauth4webapi'
import type { OAuthAuth } from '../../domain/documents/server-auth.ts'
import { type HttpServerDefinition, urlsOf } from '../../domain/documents/server-definition.ts'
import { messageOf } from '../../domain/errors/errors.ts'
import type { Outbound } from '../../outbound/outbound.ts'
import { scopesIn } from '../../upstream/credentials/challenge.ts'
import { ConnectFailed } from '../connect-failed.ts'
import { isPrivateHost } from '../remote/private-addresses.ts'
import { type RemoteFetch, remoteFetch } from '../remote/remote-fetch.ts'

/** A server of which each person, or each tenant, has an account. */
export type OAuthServer = HttpServerDefinition & { readonly auth: OAuthAuth }

/** How access to a server is granted. */
export interface Authorization {
  readonly as: AuthorizationServer
  /** The resource indicator of the server (RFC 8707); undefined where it names none. */
  readonly resource: string | undefined
  /** The scopes that the server asks for. */
  readonly scopes: readonly string[]
}

/** Whether a server has accounts. */
export function isOAuthServer(server: HttpServerDefinition): server is OAuthServer {
  return server.auth.kind === 'oauth'
}

/** Requests to what a server names: addresses of the Internet only, unless the server is at a private one. */
export async function fetchFor(server: HttpServerDefinition, outbound: Outbound): Promise<RemoteFetch> {
  const { hostname } = new URL(urlsOf(server)[0] ?? '')
  return remoteFetch({ mayBePrivate: await isPrivateHost(hostname), outbound: outbound.of(server) })
}

/**
 * Finds the authorization server of a server: `issuer`, the one of its document, else the one that its metadata names (RFC 9728),
 * else its own origin (MCP 2025-03-26).
 * @throws ConnectFailed
 */
export async function discoverAuthorization(
  server: HttpServerDefinition,
  { issuer, fetch }: { readonly issuer: string | undefined; readonly fetch: RemoteFetch },
): Promise<Authorization> {
  const url = urlsOf(server)[0] ?? ''
  const challenge = await challengeOf(url, fetch)
  const metadata = await resourceMetadata(url, challenge?.resourceMetadataUrl, fetch)
  const as = await metadataOf(issuer ?? issuerOf(url, metadata), fetch)
  return {
    as,
    resource: metadata && resourceOf(metadata.resource, url),
    scopes: challenge?.scopes ?? metadata?.scopes_supported ?? [],
  }
}

function issuerOf(url: string, metadata: OAuthProtectedResourceMetadata | undefined): string {
  return metadata?.authorization_servers?.[0] ?? new URL(url).origin
}

/** The metadata of the server itself; undefined where it has none. */
function resourceMetadata(
  url: string,
  resourceMetadataUrl: URL | undefined,
  fetch: RemoteFetch,
): Promise<OAuthProtectedResourceMetadata | undefined> {
  const options = resourceMetadataUrl === undefined ? {} : { resourceMetadataUrl }
  return discoverOAuthProtectedResourceMetadata(url, options, fetch).catch(() => undefined)
}

/** @throws ConnectFailed when it has no metadata, those of another issuer, or such as no client may use */
async function metadataOf(issuer: string, fetch: RemoteFetch): Promise<AuthorizationServer> {
  const found = await discoverAuthorizationServerMetadata(issuer, { fetchFn: fetch }).catch(
    (error: unknown) => {
      throw new ConnectFailed(
        `the metadata of the authorization server ${issuer} cannot be used: ${plain(error)}`,
      )
    },
  )
  if (found === undefined) throw new ConnectFailed(`the authorization server ${issuer} publishes no metadata`)
  const methods = found.code_challenge_methods_supported
  if (methods !== undefined && !methods.includes('S256'))
    throw new ConnectFailed(`the authorization server ${issuer} does not support PKCE with S256`)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the SDK has checked every member that is used
  return found as AuthorizationServer
}

/** What the server says to a request without a credential; undefined when it does not refuse it. */
async function challengeOf(
  url: string,
  fetch: RemoteFetch,
): Promise<{ resourceMetadataUrl: URL | undefined; scopes: string[] | undefined } | undefined> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'initialize',
      params: {
        protocolVersion: LATEST_PROTOCOL_VERSION,
        capabilities: {},
        clientInfo: { name: 'tool-gateway', version: '1' },
      },
    }),
  }).catch(() => undefined)
  await response?.body?.cancel()
  if (response?.status !== 401) return undefined
  const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(response)
  return { resourceMetadataUrl, scopes: scope === undefined ? undefined : scopesIn(scope) }
}

/** Exactly as the metadata have it. @throws ConnectFailed when they are those of another server */
function resourceOf(configuredResource: string, requestedResource: string): string {
  if (checkResourceAllowed({ requestedResource, configuredResource })) return configuredResource
  throw new ConnectFailed(`its metadata are those of another resource, ${configuredResource}`)
}

function plain(error: unknown): string {
  return messageOf(error).slice(0, 200).replaceAll(/\p{C}/gu, ' ')
}
