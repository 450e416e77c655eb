import {
  allowInsecureRequests,
  type AuthorizationServer,
  authorizationCodeGrantRequest,
  customFetch,
  getValidatedIdTokenClaims,
  INVALID_RESPONSE,
  OperationProcessingError,
  PARSE_ERROR,
  processAuthorizationCodeResponse,
  processRefreshTokenResponse,
  refreshTokenGrantRequest,
  RESPONSE_IS_NOT_JSON,
  ResponseBodyError,
  revocationRequest,
  type TokenEndpointResponse,
  UnsupportedOperationError,
} from 'oauth4webapi'
import { scopesIn } from '../../upstream/credentials/challenge.ts'
import type { RemoteFetch } from '../remote/remote-fetch.ts'
import { clientAuthOf, clientOf, type OAuthClient } from './client-access.ts'

/** An answer of 200 that has no token of a type that can be sent, or that is no JSON. */
const NO_TOKEN: ReadonlySet<string | undefined> = new Set([
  INVALID_RESPONSE,
  PARSE_ERROR,
  RESPONSE_IS_NOT_JSON,
])

/** Where the tokens of an account come from. */
export interface Grantor {
  readonly as: AuthorizationServer
  readonly client: OAuthClient
  readonly resource: string | undefined
  readonly fetch: RemoteFetch
}

/** Tokens as an authorization server has given them. */
export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string | undefined
  /** Milliseconds from now. */
  readonly lifetimeMs: number | undefined
  /** Undefined where it did not say. */
  readonly scopes: readonly string[] | undefined
  /** What the person is called there, as far as it was told. */
  readonly account: string | undefined
}

/** Whether an authorization server has refused what was presented to it for good (RFC 6749 §5.2). */
export function isRefusedGrant(error: unknown): boolean {
  if (!(error instanceof ResponseBodyError)) return false
  return ['invalid_grant', 'invalid_client', 'unauthorized_client', 'invalid_scope'].includes(error.error)
}

/** What an authorization server does that has neither issued a token nor refused to. */
export function withoutToken(error: unknown): string {
  const isAnswer =
    error instanceof UnsupportedOperationError ||
    (error instanceof OperationProcessingError && NO_TOKEN.has(error.code))
  return isAnswer ? 'answers with something that is not a token response' : 'does not respond'
}

/** Exchanges a code of a checked authorization response. */
export async function exchangeCode(
  grantor: Grantor,
  given: { parameters: URLSearchParams; redirectUri: string; verifier: string },
): Promise<Tokens> {
  const { as, client } = grantor
  const response = await authorizationCodeGrantRequest(
    as,
    clientOf(client),
    clientAuthOf(client, as),
    given.parameters,
    given.redirectUri,
    given.verifier,
    { ...optionsOf(grantor), additionalParameters: resourceIn(grantor) },
  )
  return tokensIn(await processAuthorizationCodeResponse(as, clientOf(client), response))
}

/** Exchanges a refresh token for new tokens, one of which may be another refresh token. */
export async function refresh(grantor: Grantor, refreshToken: string): Promise<Tokens> {
  const { as, client } = grantor
  const response = await refreshTokenGrantRequest(
    as,
    clientOf(client),
    clientAuthOf(client, as),
    refreshToken,
    {
      ...optionsOf(grantor),
      additionalParameters: resourceIn(grantor),
    },
  )
  return tokensIn(await processRefreshTokenResponse(as, clientOf(client), response))
}

/** Revokes a token (RFC 7009), where the authorization server can do so; resolves with whether it has. */
export async function revoke(grantor: Grantor, token: string): Promise<boolean> {
  const { as, client } = grantor
  if (as.revocation_endpoint === undefined) return false
  const response = await revocationRequest(
    as,
    clientOf(client),
    clientAuthOf(client, as),
    token,
    optionsOf(grantor),
  )
  await response.body?.cancel()
  return response.ok
}

function optionsOf({ fetch }: Grantor) {
  return {
    [customFetch]: (url: string, init?: object): Promise<Response> => fetch(url, init),
    // The fetch decides itself where it sends something.
    [allowInsecureRequests]: true,
  }
}

function resourceIn({ resource }: Grantor): URLSearchParams {
  return new URLSearchParams(resource === undefined ? {} : { resource })
}

function tokensIn(response: TokenEndpointResponse): Tokens {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: seconds, scope } = response
  return {
    accessToken,
    refreshToken,
    lifetimeMs: seconds === undefined ? undefined : Math.max(0, seconds) * 1000,
    scopes: scope === undefined ? undefined : scopesIn(scope),
    account: accountIn(response),
  }
}

function accountIn(response: TokenEndpointResponse): string | undefined {
  const claims = getValidatedIdTokenClaims(response)
  const names = [claims?.['email'], claims?.['preferred_username'], claims?.['name'], claims?.sub]
  const name = names.find((each) => typeof each === 'string' && each !== '')
  return typeof name === 'string' ? name.slice(0, 200) : undefined
}
