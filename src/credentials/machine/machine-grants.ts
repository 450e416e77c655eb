import {
  allowInsecureRequests,
  clientCredentialsGrantRequest,
  customFetch,
  genericTokenEndpointRequest,
  processClientCredentialsResponse,
  processGenericTokenEndpointResponse,
} from 'oauth4webapi'
import { type ConfidentialClient, proofOf } from './client-proof.ts'
import type { TokenPlace } from './token-places.ts'

/** What a token is asked for. */
export interface TokenWish {
  readonly scopes?: readonly string[] | undefined
  readonly resource?: string | undefined
  readonly audience?: string | undefined
}

/** A token that was issued to the gateway. */
export interface IssuedToken {
  readonly token: string
  /** Milliseconds from now; undefined where it was not told. */
  readonly lifetimeMs: number | undefined
}

/** Where a token is asked for, and as whom. */
export interface MachineGrantor {
  readonly place: TokenPlace
  /** With the values of its secrets. */
  readonly client: ConfidentialClient
}

const EXCHANGE = 'urn:ietf:params:oauth:grant-type:token-exchange'
const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer'
const TOKEN_TYPE = 'urn:ietf:params:oauth:token-type:'

/** A token for the gateway itself (RFC 6749 §4.4). */
export async function ownToken(grantor: MachineGrantor, wish: TokenWish): Promise<IssuedToken> {
  const { place, client } = grantor
  const { as } = place
  const id = { client_id: client.clientId }
  const response = await clientCredentialsGrantRequest(
    as,
    id,
    proofOf(client, as),
    parametersOf(wish),
    optionsOf(place),
  )
  const { access_token: token, expires_in: seconds } = await processClientCredentialsResponse(
    as,
    id,
    response,
  )
  return { token, lifetimeMs: millisecondsOf(seconds) }
}

/** A token that was exchanged for another one (RFC 8693). @param subject.type such as `access_token` */
export function exchangedToken(
  grantor: MachineGrantor,
  subject: { readonly token: string; readonly type: string },
  { requested = 'access_token', ...wish }: TokenWish & { readonly requested?: string },
): Promise<IssuedToken> {
  return tokenBy(grantor, EXCHANGE, {
    ...parametersOf(wish),
    subject_token: subject.token,
    subject_token_type: `${TOKEN_TYPE}${subject.type}`,
    requested_token_type: `${TOKEN_TYPE}${requested}`,
  })
}

/** The token for an assertion (RFC 7523 §2.1), such as an identity assertion of the person's provider. */
export function tokenForAssertion(
  grantor: MachineGrantor,
  assertion: string,
  wish: TokenWish,
): Promise<IssuedToken> {
  return tokenBy(grantor, JWT_BEARER, { ...parametersOf(wish), assertion })
}

async function tokenBy(
  { place, client }: MachineGrantor,
  grantType: string,
  parameters: Record<string, string>,
): Promise<IssuedToken> {
  const { as } = place
  const id = { client_id: client.clientId }
  const proof = proofOf(client, as)
  const response = await genericTokenEndpointRequest(as, id, proof, grantType, parameters, optionsOf(place))
  const processed = await processGenericTokenEndpointResponse(as, id, response, {
    // An assertion is no token for requests, and its answer says so (RFC 8693 §2.2.1).
    recognizedTokenTypes: { n_a: () => undefined },
  })
  return { token: processed.access_token, lifetimeMs: millisecondsOf(processed.expires_in) }
}

function parametersOf({ scopes = [], resource, audience }: TokenWish): Record<string, string> {
  return {
    ...(scopes.length > 0 && { scope: scopes.join(' ') }),
    ...(resource !== undefined && { resource }),
    ...(audience !== undefined && { audience }),
  }
}

function optionsOf({ fetch }: TokenPlace) {
  return {
    [customFetch]: (url: string, init?: object): Promise<Response> => fetch(url, init),
    // The fetch decides itself where it sends something.
    [allowInsecureRequests]: true,
  }
}

function millisecondsOf(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.max(0, seconds) * 1000
}
