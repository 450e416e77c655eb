import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { jwtVerify, type JWTVerifyResult } from 'jose'
import { proofOf } from '../../src/credentials/machine/client-proof.ts'

const AS = { issuer: 'https://as.example' }
const CLIENT = { clientId: 'tool-gateway' }
const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString()

/** What an authorization server verifies of a client that signs. */
async function verified(
  privateKey: string,
  publicKey: KeyObject,
  changes: Record<string, string> = {},
): Promise<JWTVerifyResult> {
  const body = new URLSearchParams()
  await proofOf({ ...CLIENT, privateKey, ...changes }, AS)(
    AS,
    { client_id: CLIENT.clientId },
    body,
    new Headers(),
  )
  const options = { issuer: 'tool-gateway', subject: 'tool-gateway', audience: AS.issuer }
  return await jwtVerify(body.get('client_assertion') ?? '', publicKey, options)
}

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
const ed25519 = generateKeyPairSync('ed25519')

describe('a client with a private key signs who it is', () => {
  test.each([
    ['RSA', rsa, {}, 'RS256'],
    ['RSA, if asked for PS256', rsa, { algorithm: 'PS256' }, 'PS256'],
    ['P-256', p256, {}, 'ES256'],
    ['P-384', p384, {}, 'ES384'],
    ['Ed25519', ed25519, {}, 'Ed25519'],
  ])('%s', async (_kind, { privateKey, publicKey }, changes, alg) => {
    expect((await verified(pem(privateKey), publicKey, changes)).protectedHeader).toEqual({ alg })
  })

  test('from a JWK, with its kid or the one of the document', async () => {
    const jwk = JSON.stringify({ ...p256.privateKey.export({ format: 'jwk' }), kid: 'of-the-jwk' })
    expect((await verified(jwk, p256.publicKey)).protectedHeader.kid).toBe('of-the-jwk')
    const { protectedHeader } = await verified(jwk, p256.publicKey, { keyId: 'of-the-document' })
    expect(protectedHeader.kid).toBe('of-the-document')
  })

  test('from a variable of an environment, whose line ends are written out', async () => {
    const text = pem(p256.privateKey).replaceAll('\n', '\\n')
    expect((await verified(text, p256.publicKey)).protectedHeader.alg).toBe('ES256')
  })
})

test.each([
  ['a-b_c.d*e', 'tool-gateway:a-b_c.d*e'],
  ['a b+c:d%é', 'tool-gateway:a+b%2Bc%3Ad%25%C3%A9'],
])('a client with the secret %s sends it encoded as in a form, and no further', (clientSecret, sent) => {
  const headers = new Headers()
  void proofOf({ ...CLIENT, clientSecret }, AS)(
    AS,
    { client_id: CLIENT.clientId },
    new URLSearchParams(),
    headers,
  )
  const basic = headers.get('authorization')?.slice('Basic '.length) ?? ''
  expect(Buffer.from(basic, 'base64').toString()).toBe(sent)
})

test.each(['no key at all', '{"kty":"oct","k":"c2VjcmV0"}', pem(rsa.privateKey).slice(0, 300)])(
  'a key that cannot sign is refused, and nothing of it is repeated: %#',
  (privateKey) => {
    expect(() => proofOf({ ...CLIENT, privateKey }, AS)).toThrow(
      /^auth\.privateKey is not a private key for signatures, as PEM or JWK$/,
    )
  },
)
