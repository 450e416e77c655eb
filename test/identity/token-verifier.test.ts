import { createHmac, createPublicKey } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { createLocalJWKSet } from 'jose'
import { TokenVerifier } from '../../src/identity/token-verifier.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { IdentityProvider, newSigningKey, sign } from '../support/identity-provider.ts'
import {
  ISSUER,
  OTHER_ISSUER,
  START_SECONDS,
  claims,
  key,
  otherKey,
  refusal,
  rsaKey,
  settingsOf,
  signText,
  verifierOf,
} from '../support/tokens.ts'

const text = (value: string): string => Buffer.from(value).toString('base64url')
const json = (value: unknown): string => text(JSON.stringify(value))

test('tells who a valid token is of', async () => {
  const { verifier } = verifierOf()
  expect(await verifier.verify(await sign(key, claims()))).toEqual({
    principal: {
      tenantId: 'acme',
      subject: 'ada',
      agent: undefined,
      roles: ['reader'],
      scopes: [],
      issuer: ISSUER,
      expiresAtMs: (START_SECONDS + 3600) * 1000,
    },
    agents: [],
    paths: [''],
  })
})

describe('form', () => {
  test.each(['', 'abc', 'a.b.c', '..', 'é.é.é', `${json({ alg: 'ES256' })}.${text('[]')}.AAAA`])(
    'refuses %j as no JWT',
    async (token) => {
      const { verifier } = verifierOf()
      await expect(verifier.verify(token)).rejects.toMatchObject(
        refusal('The token is not a well-formed JWT.'),
      )
    },
  )

  test('refuses a token longer than 8 KiB before looking at it', async () => {
    const { verifier, counter } = verifierOf()
    const token = await sign(key, claims({ padding: 'x'.repeat(8192) }))
    await expect(verifier.verify(token)).rejects.toMatchObject(refusal('The token is longer than 8 KiB.'))
    expect(counter.lookups).toBe(0)
  })

  test('refuses a token that was changed, also behind a known one with the same signature', async () => {
    const { verifier } = verifierOf()
    const token = await sign(key, claims())
    await verifier.verify(token)
    const [header = '', , signature = ''] = token.split('.')
    const forged = `${header}.${json({ ...claims(), sub: 'eve' })}.${signature}`

    expect(verifier.cached(forged)).toBeUndefined()
    await expect(verifier.verify(forged)).rejects.toMatchObject({ code: 'invalid_token' })
    expect(verifier.cached(token)?.principal.subject).toBe('ada')
  })

  test('refuses a payload that was changed after signing', async () => {
    const { verifier } = verifierOf()
    const [header, , signature] = (await sign(key, claims())).split('.')
    const forged = `${header}.${json(claims({ tenant_id: 'globex' }))}.${signature}`
    await expect(verifier.verify(forged)).rejects.toMatchObject(
      refusal('The signature of the token is wrong.'),
    )
  })

  test('reads the last of two claims of one name, as it is what was signed', async () => {
    const { verifier } = verifierOf()
    const payload = JSON.stringify(claims())
    const doubled = (aud: string): Promise<string> =>
      signText(payload.replace('{', '{"aud":"else",').replace('"aud":"gateway"', `"aud":"${aud}"`))
    expect((await verifier.verify(await doubled('gateway'))).principal.subject).toBe('ada')
    await expect(verifier.verify(await doubled('another'))).rejects.toMatchObject({ code: 'invalid_token' })
  })
})

describe('algorithm and header', () => {
  test.each(['none', 'None', 'nOnE'])('refuses the algorithm %s', async (alg) => {
    const { verifier, counter } = verifierOf()
    await expect(verifier.verify(`${json({ alg })}.${json(claims())}.`)).rejects.toMatchObject(
      refusal('The signature algorithm of the token is not accepted.'),
    )
    expect(counter.lookups).toBe(0)
  })

  test('refuses an HMAC made with the public key that the issuer publishes', async () => {
    const { verifier, counter } = verifierOf()
    const pem = createPublicKey({ key: { ...rsaKey.jwk }, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    })
    const input = `${json({ alg: 'HS256', kid: 'rsa' })}.${json(claims())}`
    const mac = createHmac('sha256', pem).update(input).digest('base64url')
    await expect(verifier.verify(`${input}.${mac}`)).rejects.toMatchObject(
      refusal('The signature algorithm of the token is not accepted.'),
    )
    expect(counter.lookups).toBe(0)
    expect((await verifier.verify(await sign(rsaKey, claims()))).principal.subject).toBe('ada')
  })

  test('refuses an algorithm that the key is not for', async () => {
    const { verifier } = verifierOf()
    const [, payload, signature] = (await sign(key, claims())).split('.')
    const token = `${json({ alg: 'RS256', kid: 'one' })}.${payload}.${signature}`
    await expect(verifier.verify(token)).rejects.toMatchObject(
      refusal('The token is signed with a key that its issuer does not publish.'),
    )
  })

  test('refuses an algorithm that the issuer is not to use', async () => {
    const psKey = await newSigningKey('ps', 'PS256')
    const { verifier } = verifierOf({ keys: [psKey], settings: { algorithms: ['RS256'] } })
    await expect(verifier.verify(await sign(psKey, claims()))).rejects.toMatchObject(
      refusal('The signature algorithm of the token is not accepted.'),
    )
  })

  test.each(['HS256', 'none', 'dir'])('is not built with the algorithm %s', (algorithm) => {
    expect(() => verifierOf({ settings: { algorithms: ['ES256', algorithm] } })).toThrow(TypeError)
  })

  test('is not built with one issuer twice', () => {
    expect(() => verifierOf({ settings: { issuer: OTHER_ISSUER } })).toThrow(TypeError)
  })

  test.each([
    ['an unknown critical extension', { crit: ['exp'], exp: 1 }],
    ['an unencoded payload', { crit: ['b64'], b64: false }],
  ])('refuses %s', async (_what, header) => {
    const { verifier } = verifierOf()
    const [, payload, signature] = (await sign(key, claims())).split('.')
    const token = `${json({ alg: 'ES256', kid: 'one', ...header })}.${payload}.${signature}`
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'invalid_token' })
  })

  test('never asks the address that a header names for a key', async () => {
    await using attacker = await IdentityProvider.start()
    attacker.keys = [otherKey.jwk]
    const { verifier } = verifierOf()
    const header = { jku: `${attacker.url}/keys`, x5u: `${attacker.url}/keys`, jwk: otherKey.jwk }
    await expect(verifier.verify(await sign(otherKey, claims(), header))).rejects.toMatchObject({
      code: 'invalid_token',
    })
    await expect(
      verifier.verify(await sign(otherKey, claims(), { ...header, kid: 'one' })),
    ).rejects.toMatchObject({
      code: 'invalid_token',
    })
    expect(attacker.requests).toEqual([])
  })

  test.each(['../../dev/null', "' or 1=1--", 'unknown'])('refuses the unknown key id %j', async (kid) => {
    const { verifier } = verifierOf()
    await expect(verifier.verify(await sign(key, claims(), { kid }))).rejects.toMatchObject(
      refusal('The token is signed with a key that its issuer does not publish.'),
    )
  })

  test('refuses a token without a key id where several keys could be meant, and takes it where one is', async () => {
    const token = await sign(key, claims(), { kid: undefined })
    await expect(verifierOf({ keys: [otherKey, key] }).verifier.verify(token)).rejects.toMatchObject(
      refusal('The token does not name its key (kid), and its issuer publishes several that it could be.'),
    )
    const { verifier } = verifierOf({ keys: [rsaKey, key] })
    expect((await verifier.verify(token)).principal.subject).toBe('ada')
    const foreign = await sign(await newSigningKey('x'), claims(), { kid: undefined })
    await expect(verifier.verify(foreign)).rejects.toMatchObject(
      refusal('The signature of the token is wrong.'),
    )
  })

  test.each([
    ['jku', 'https://evil.example/keys'],
    ['x5u', 'https://evil.example/certificate'],
    ['jwk', key.jwk],
    ['x5c', ['MIIB']],
  ])('refuses a token that brings or names a key of its own: %s', async (name, value) => {
    const { verifier, counter } = verifierOf()
    await expect(verifier.verify(await sign(key, claims(), { [name]: value }))).rejects.toMatchObject(
      refusal(`The token has the header ${name}, which is not accepted.`),
    )
    expect(counter.lookups).toBe(0)
  })

  test.each(['JWT', 'at+jwt', 'application/at+JWT'])('accepts the type %s', async (typ) => {
    const { verifier } = verifierOf()
    expect((await verifier.verify(await sign(key, claims(), { typ }))).principal.subject).toBe('ada')
  })

  test.each(['logout+jwt', 'dpop+jwt', 'secevent+jwt', ''])('refuses the type %j', async (typ) => {
    const { verifier } = verifierOf()
    await expect(verifier.verify(await sign(key, claims(), { typ }))).rejects.toMatchObject(
      refusal('The token is not an access token.'),
    )
  })

  test('refuses a signature by a key too weak to be one', async () => {
    const weak = { alg: 'RS256', kid: 'weak', kty: 'RSA', e: 'AQAB', n: 'AQAB' }
    const resolve = createLocalJWKSet({ keys: [weak] })
    const verifier = new TokenVerifier({
      issuers: [{ settings: settingsOf(), keys: { key: (...input) => resolve(...input) } }],
      clock: new FakeClock(),
    })
    const token = await sign(rsaKey, claims(), { kid: 'weak' })
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'invalid_token' })
  })
})

test('never puts the content of a token into an error', async () => {
  const { verifier } = verifierOf()
  const token = await sign(key, claims({ exp: START_SECONDS - 60, secret: 'canary' }))
  const error: unknown = await verifier.verify(token).catch((failure: unknown) => failure)
  expect(error).toMatchObject({
    code: 'invalid_token',
    cause: { message: expect.stringContaining('ERR_JWT_EXPIRED') },
  })
  expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('canary')
})
