import { createPrivateKey, type KeyObject, type webcrypto } from 'node:crypto'
import { type AuthorizationServer, type ClientAuth, ClientSecretPost, PrivateKeyJwt } from 'oauth4webapi'
import { isJsonObject } from '../../domain/json/json.ts'
import { basicAuth } from '../authorization/client-access.ts'
import { ConnectFailed } from '../connect-failed.ts'

/** A client that was registered for the gateway, as a document has it. */
export interface ConfidentialClient {
  readonly clientId: string
  readonly clientSecret?: string | undefined
  readonly privateKey?: string | undefined
  readonly keyId?: string | undefined
  readonly algorithm?: string | undefined
}

const ALGORITHM_OF_CURVE: Readonly<Record<string, string>> = { prime256v1: 'ES256', secp384r1: 'ES384' }
/** The algorithms of JWS as Web Crypto has them (RFC 7518 §3.1). */
const OF_WEB_CRYPTO: Readonly<Record<string, { name: string; hash?: string; namedCurve?: string }>> = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384' },
  EdDSA: { name: 'Ed25519' },
}

/**
 * How a client proves who it is (RFC 6749 §2.3, RFC 7523 §2.2).
 * @param client with the values of its secrets
 * @throws ConnectFailed when its key cannot be used; nothing of the key is in the message
 */
export function proofOf(
  { clientSecret, privateKey, keyId, algorithm }: ConfidentialClient,
  { token_endpoint_auth_methods_supported: supported = ['client_secret_basic'] }: AuthorizationServer,
): ClientAuth {
  if (privateKey !== undefined) {
    const { key, kid } = signingKeyIn(privateKey, algorithm)
    const named = keyId ?? kid
    return PrivateKeyJwt(named === undefined ? key : { key, kid: named })
  }
  const secret = clientSecret ?? ''
  return supported.includes('client_secret_basic') || !supported.includes('client_secret_post')
    ? basicAuth(secret)
    : ClientSecretPost(secret)
}

function signingKeyIn(
  text: string,
  algorithm: string | undefined,
): { key: webcrypto.CryptoKey; kid: string | undefined } {
  try {
    const { key, kid } = keyIn(text)
    const { name = 'unknown', ...rest } = OF_WEB_CRYPTO[algorithm ?? algorithmOf(key)] ?? {}
    return { key: key.toCryptoKey({ name, ...rest }, false, ['sign']), kid }
  } catch {
    throw new ConnectFailed('auth.privateKey is not a private key for signatures, as PEM or JWK')
  }
}

/** Variables of an environment often have `\n` in place of line ends. */
function keyIn(text: string): { key: KeyObject; kid: string | undefined } {
  if (!text.trimStart().startsWith('{'))
    return { key: createPrivateKey(text.replaceAll('\\n', '\n')), kid: undefined }
  const jwk: unknown = JSON.parse(text)
  if (!isJsonObject(jwk)) throw new TypeError('not a JWK')
  const { kid } = jwk
  return {
    key: createPrivateKey({ key: jwk, format: 'jwk' }),
    kid: typeof kid === 'string' ? kid : undefined,
  }
}

function algorithmOf({ asymmetricKeyType: type, asymmetricKeyDetails: details }: KeyObject): string {
  if (type === 'rsa') return 'RS256'
  if (type === 'ed25519') return 'EdDSA'
  return ALGORITHM_OF_CURVE[details?.namedCurve ?? ''] ?? 'unknown'
}
