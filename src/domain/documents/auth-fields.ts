import { z } from 'zod'

const MAX_SCOPES = 50
/** Private keys of RSA with 8192 bits, as PEM, are shorter. */
const MAX_KEY_LENGTH = 16_384

/** A value that an HTTP header can have. */
export const headerValue = z.string().regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'not a legal header value')

/** An address of a server or of an endpoint of it. */
export const httpUrl = z
  .url({
    protocol: /^https?$/,
    abort: true,
    error: ({ code }) =>
      code === 'invalid_format' ? 'Invalid URL, expected http:// or https:// and a host' : undefined,
  })
  .max(2048)
  .regex(/^[^\p{Cc}\p{Zs}]*$/u, 'must have no spaces and no control characters')
  .refine((text) => {
    const url = URL.parse(text)
    return url?.username === '' && url.password === '' && url.hash === ''
  }, 'must have no user name, password or fragment')

/** Scopes of OAuth. */
export const scopes = z
  .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/, 'not a legal scope'))
  .max(MAX_SCOPES)

/** The id of the gateway at an authorization server. */
export const clientId = z.string().min(1).max(2048)
/** The secret of that client, or a reference to it. */
export const clientSecret = headerValue.min(1)

/** Where tokens are issued: the authorization server, or its token endpoint where it publishes no metadata. */
export const tokenPlace = {
  /** The authorization server; by default the one that the server names. */
  issuer: httpUrl.optional(),
  /** In place of what the metadata of the authorization server say. */
  tokenUrl: httpUrl.optional(),
}

/** How the gateway proves to be a client that was registered: by a secret, or by a signature (`private_key_jwt`). */
export const confidentialClient = {
  clientId,
  clientSecret: clientSecret.optional(),
  /** PEM or JWK, or a reference to it. */
  privateKey: z.string().min(1).max(MAX_KEY_LENGTH).optional(),
  /** The `kid` of the key there. */
  keyId: z.string().min(1).max(256).optional(),
  algorithm: z.enum(['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA']).optional(),
}

/** What a token is asked for. */
export const tokenWish = {
  scopes: scopes.optional(),
  /** The resource indicator (RFC 8707); by default what the server says of itself. `none` leaves it out. */
  resource: z.union([z.literal('none'), httpUrl]).optional(),
  /** The parameter `audience`, which some authorization servers take in place of `resource`. */
  audience: z.string().min(1).max(2048).optional(),
}

interface WithProof {
  readonly clientSecret?: string | undefined
  readonly privateKey?: string | undefined
}

/** Refuses a client with no proof, or with two. */
export function checkProof({ clientSecret: secret, privateKey }: WithProof, context: z.RefinementCtx): void {
  if ((secret === undefined) === (privateKey === undefined))
    context.addIssue({
      code: 'custom',
      path: ['clientSecret'],
      message: 'give either clientSecret or privateKey',
    })
}
