import type { HttpServerDefinition } from '../../domain/documents/server-definition.ts'
import type { TokenExchangeAuth } from '../../domain/documents/machine-auth.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { Principal } from '../../domain/principal.ts'
import type { ConfidentialClient } from './client-proof.ts'
import { exchangedToken, type IssuedToken, tokenForAssertion } from './machine-grants.ts'
import type { TokenPlace } from './token-places.ts'
import { wishOf } from './wish.ts'

/** The type of an identity assertion (draft-ietf-oauth-identity-assertion-authz-grant). */
const ID_JAG = 'id-jag'

/** How tokens of callers become tokens for a server. */
export interface Exchange {
  readonly server: HttpServerDefinition
  /** With the values of its secrets. */
  readonly auth: TokenExchangeAuth
  readonly place: TokenPlace
  /** Where the identity assertion is redeemed that the exchange leads to; undefined if it leads to a token. */
  readonly second:
    | {
        readonly place: TokenPlace
        readonly client: ConfidentialClient
        readonly scopes: readonly string[] | undefined
      }
    | undefined
}

/** The caller whose token is exchanged. */
export interface ExchangedCaller {
  readonly principal: Principal
  /** The token that the caller has sent; undefined where there was none. */
  readonly presented: string | undefined
  /** An assertion of the gateway about the caller. */
  readonly assert: (audience: string) => Promise<string>
}

/**
 * The token of the server for a caller.
 * @throws GatewayError `delegation_refused` for a caller whose token must not go there, and what the grants throw
 */
export async function exchange(way: Exchange, caller: ExchangedCaller): Promise<IssuedToken> {
  const { auth, place, second } = way
  const subject = await subjectOf(way, caller)
  const first = { place, client: auth }
  if (second === undefined) return await exchangedToken(first, subject, wishOf(auth, place))
  const { issuer } = second.place.as
  const resource = wishOf(auth, second.place).resource
  const { token: assertion } = await exchangedToken(first, subject, {
    scopes: auth.scopes ?? second.scopes,
    resource,
    audience: auth.audience ?? issuer,
    requested: ID_JAG,
  })
  return await tokenForAssertion(second, assertion, { scopes: second.scopes, resource })
}

async function subjectOf(
  { server: { name }, auth, place: { as } }: Exchange,
  { principal, presented, assert }: ExchangedCaller,
): Promise<{ token: string; type: string }> {
  if (auth.subject === 'assertion')
    return { token: await assert(as.issuer), type: auth.subjectTokenType ?? 'jwt' }
  const facts = { server: name, mayHaveExecuted: false }
  // A token is sent only to its issuer, unless the operator has named the issuer.
  if (!(auth.trustedIssuers ?? [as.issuer]).some((issuer) => isSame(issuer, principal.issuer)))
    throw new GatewayError(
      'delegation_refused',
      `The token of the caller is of an issuer whose tokens are not exchanged for ${name}`,
      { facts },
    )
  if (presented === undefined)
    throw new GatewayError(
      'delegation_refused',
      `The request has no token that could be exchanged for ${name}`,
      { facts },
    )
  return { token: presented, type: auth.subjectTokenType ?? 'access_token' }
}

function isSame(one: string, other: string): boolean {
  return one.replace(/\/$/, '') === other.replace(/\/$/, '')
}
