import { z } from 'zod'
import { checkProof, confidentialClient, httpUrl, tokenPlace, tokenWish } from './auth-fields.ts'

const MAX_ISSUERS = 20

/** The gateway itself is a client of the authorization server of the server: one token for all callers. */
export const clientCredentials = z
  .strictObject({
    kind: z.literal('client_credentials'),
    ...tokenPlace,
    ...confidentialClient,
    ...tokenWish,
  })
  .superRefine(checkProof)

/** The second half of an identity assertion (ID-JAG): where it is redeemed. */
const identityAssertion = z
  .strictObject({ ...tokenPlace, ...confidentialClient, scopes: tokenWish.scopes })
  .superRefine(checkProof)

/** The token of each caller is exchanged for one for the server (RFC 8693). */
export const tokenExchange = z
  .strictObject({
    kind: z.literal('token_exchange'),
    ...tokenPlace,
    ...confidentialClient,
    ...tokenWish,
    /** What is exchanged: the token that the caller has sent, or an assertion of the gateway about the caller. */
    subject: z.enum(['caller', 'assertion']).default('caller'),
    /** What the exchanged token is said to be; by default an access token, or a JWT for an assertion. */
    subjectTokenType: z.enum(['access_token', 'id_token', 'jwt']).optional(),
    /** The issuers whose tokens are exchanged there; by default the authorization server itself. */
    trustedIssuers: z.array(httpUrl).min(1).max(MAX_ISSUERS).optional(),
    /** Exchanges for an identity assertion (ID-JAG), which the authorization server of the server takes. */
    identityAssertion: identityAssertion.optional(),
  })
  .superRefine(checkProof)
  .refine(
    ({ identityAssertion: second, issuer, tokenUrl }) =>
      second === undefined || issuer !== undefined || tokenUrl !== undefined,
    {
      path: ['issuer'],
      message: 'identityAssertion needs the issuer (or tokenUrl) of the identity provider',
    },
  )

/** Each request has a JWT of the gateway that names tenant, subject and agent of its caller. */
export const gatewayAssertion = z.strictObject({
  kind: z.literal('gateway_assertion'),
  /** The claim `aud`; by default the URL of the server. */
  audience: z.string().min(1).max(2048).optional(),
  lifetimeSeconds: z.int().min(10).max(600).default(60),
})

/** An `auth` of kind `token_exchange`. */
export type TokenExchangeAuth = z.output<typeof tokenExchange>
