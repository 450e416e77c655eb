import { describe, expect, test } from '@jest/globals'
import { RemoteKeySet } from '../../src/identity/key-set.ts'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { IdentityProvider, newSigningKey } from '../support/identity-provider.ts'
import { silentLogger } from '../support/silent-logger.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const JWS = { payload: '', signature: '' }
const first = await newSigningKey('first')
const second = await newSigningKey('second')

function keySetOf(
  provider: IdentityProvider,
  options: { clock?: FakeClock; discover?: boolean; issuer?: string } = {},
): RemoteKeySet {
  return new RemoteKeySet({
    issuer: options.issuer ?? provider.url,
    jwksUrl: options.discover === true ? undefined : `${provider.url}/keys`,
    clock: options.clock ?? new FakeClock(),
    logger: silentLogger,
  })
}

function keyNamed(keys: RemoteKeySet, kid: string): Promise<unknown> {
  return keys.key({ alg: 'ES256', kid }, JWS)
}

/** The code of the error that a promise ends with; attached at once, so that it is never unhandled. */
async function codeOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.catch((error: unknown) => (error instanceof GatewayError ? error.code : error))
}

const down = (_request: unknown, response: { writeHead(status: number): { end(): void } }): void =>
  response.writeHead(500).end()

describe('finding the keys', () => {
  test('fetches the keys of a given URL without asking for a discovery document', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    expect(await keyNamed(keySetOf(provider), 'first')).toHaveProperty('type', 'public')
    expect(provider.requests).toEqual(['/keys'])
  })

  test('finds the URL of the keys in the discovery document', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    expect(await keyNamed(keySetOf(provider, { discover: true }), 'first')).toHaveProperty('type', 'public')
    expect(provider.requests).toEqual(['/.well-known/openid-configuration', '/keys'])
  })

  test('finds the discovery document of an issuer that ends in a slash', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    provider.discovery = { issuer: `${provider.url}/` }
    const keys = keySetOf(provider, { discover: true, issuer: `${provider.url}/` })
    expect(await keyNamed(keys, 'first')).toHaveProperty('type', 'public')
  })

  test.each([
    ['of another issuer', { issuer: 'https://somebody.example' }],
    ['without a key set', { jwks_uri: undefined }],
    ['that names a file', { jwks_uri: 'file:///etc/passwd' }],
  ])('refuses a discovery document %s', async (_what, discovery) => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    provider.discovery = discovery
    await expect(keyNamed(keySetOf(provider, { discover: true }), 'first')).rejects.toMatchObject({
      code: 'keys_unavailable',
    })
    expect(provider.countOf('/keys')).toBe(0)
  })

  test('asks once for many tokens that come at the same time', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    const keys = keySetOf(provider)
    const found = await Promise.all(Array.from({ length: 50 }, () => keyNamed(keys, 'first')))
    expect(found).toHaveLength(50)
    expect(provider.requests).toEqual(['/keys'])
  })
})

describe('answers that are not believed', () => {
  test('does not follow a redirect', async () => {
    await using other = await IdentityProvider.start()
    other.keys = [first.jwk]
    await using provider = await IdentityProvider.start()
    provider.answerKeys = (_request, response) =>
      response.writeHead(302, { location: `${other.url}/keys` }).end()
    await expect(keyNamed(keySetOf(provider), 'first')).rejects.toMatchObject({ code: 'keys_unavailable' })
    expect(other.requests).toEqual([])
  })

  test.each([
    ['no JSON', 'sorry'],
    ['no key set', '{"keys": "none"}'],
    ['an empty key set', '{"keys": []}'],
    ['more than 256 KiB', JSON.stringify({ keys: [first.jwk], padding: 'x'.repeat(256 * 1024) })],
    ['more than 100 keys', JSON.stringify({ keys: Array.from({ length: 101 }, () => first.jwk) })],
  ])('refuses %s', async (_what, body) => {
    await using provider = await IdentityProvider.start()
    provider.answerKeys = (_request, response) => response.end(body)
    await expect(keyNamed(keySetOf(provider), 'first')).rejects.toMatchObject({ code: 'keys_unavailable' })
  })

  test('ignores symmetric and private keys', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [
      { kty: 'oct', k: 'c2VjcmV0', kid: 'first' },
      { ...first.jwk, d: 'AAAA' },
    ]
    await expect(keyNamed(keySetOf(provider), 'first')).rejects.toMatchObject({ code: 'keys_unavailable' })
    const keys = keySetOf(provider)
    provider.keys = [{ kty: 'oct', k: 'c2VjcmV0', kid: 'first' }, second.jwk]
    await expect(keyNamed(keys, 'first')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })
})

describe('rotation', () => {
  test('finds a new key within the cooldown of 30 s', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    const clock = new FakeClock()
    const keys = keySetOf(provider, { clock })
    await keyNamed(keys, 'first')
    provider.keys = [first.jwk, second.jwk]
    await expect(keyNamed(keys, 'second')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
    await clock.advance(30_000)
    expect(await keyNamed(keys, 'second')).toHaveProperty('type', 'public')
  })

  test('does not ask again for each of many unknown key ids', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    const clock = new FakeClock()
    const keys = keySetOf(provider, { clock })
    await keyNamed(keys, 'first')
    await clock.advance(30_000)
    const attempts = [
      '../../dev/null',
      "' or 1=1--",
      ...Array.from({ length: 200 }, (_, index) => `no-${index}`),
    ]
    const settled = await Promise.allSettled(attempts.map((kid) => keyNamed(keys, kid)))
    expect(settled.every(({ status }) => status === 'rejected')).toBe(true)
    expect(provider.countOf('/keys')).toBe(2)
  })

  test('forgets a withdrawn key within 10 minutes', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk, second.jwk]
    const clock = new FakeClock()
    const keys = keySetOf(provider, { clock })
    await keyNamed(keys, 'first')
    provider.keys = [second.jwk]
    await clock.advance(10 * MINUTE + 1)
    await expect(keyNamed(keys, 'first')).rejects.toMatchObject({ code: 'ERR_JWKS_NO_MATCHING_KEY' })
  })

  test('renews keys older than 5 minutes without making a token wait', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    const clock = new FakeClock()
    const keys = keySetOf(provider, { clock })
    await keyNamed(keys, 'first')
    const { promise: held, resolve: release } = Promise.withResolvers<void>()
    provider.answerKeys = (_request, response) => {
      void held.then(() => response.end(JSON.stringify({ keys: [second.jwk] })))
    }
    await clock.advance(5 * MINUTE + 1)
    expect(await keyNamed(keys, 'first')).toHaveProperty('type', 'public')
    release()
    await eventually(() => keyNamed(keys, 'second').catch(() => false))
    expect(provider.countOf('/keys')).toBe(2)
  })
})

describe('an endpoint that fails', () => {
  test('serves the last good keys for 24 hours, and then none', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    const clock = new FakeClock()
    const keys = keySetOf(provider, { clock })
    await keyNamed(keys, 'first')
    provider.answerKeys = down
    await clock.advance(24 * HOUR)
    expect(await keyNamed(keys, 'first')).toHaveProperty('type', 'public')
    await clock.advance(1)
    await expect(keyNamed(keys, 'first')).rejects.toMatchObject({ code: 'keys_unavailable' })
    provider.answerKeys = undefined
    await clock.advance(30_000)
    expect(await keyNamed(keys, 'first')).toHaveProperty('type', 'public')
  })

  test('without any keys says when to come back, and does not ask for each token', async () => {
    await using provider = await IdentityProvider.start()
    provider.answerKeys = down
    const clock = new FakeClock()
    const keys = keySetOf(provider, { clock })
    await expect(keyNamed(keys, 'first')).rejects.toMatchObject({
      code: 'keys_unavailable',
      facts: { retryAfterMs: 2000 },
    })
    await expect(keyNamed(keys, 'first')).rejects.toMatchObject({ code: 'keys_unavailable' })
    expect(provider.countOf('/keys')).toBe(1)
    provider.answerKeys = undefined
    provider.keys = [first.jwk]
    await clock.advance(2000)
    expect(await keyNamed(keys, 'first')).toHaveProperty('type', 'public')
  })

  test('does not blame a token whose key may be a new one', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [first.jwk]
    const clock = new FakeClock()
    const keys = keySetOf(provider, { clock })
    await keyNamed(keys, 'first')
    provider.answerKeys = down
    await clock.advance(30_000)
    await expect(keyNamed(keys, 'second')).rejects.toMatchObject({ code: 'keys_unavailable' })
    expect(await keyNamed(keys, 'first')).toHaveProperty('type', 'public')
  })

  test('waits no longer than 1.5 s for an endpoint that hangs', async () => {
    await using provider = await IdentityProvider.start()
    provider.answerKeys = () => {}
    const clock = new FakeClock()
    const waiting = codeOf(keyNamed(keySetOf(provider, { clock }), 'first'))
    await eventually(() => provider.countOf('/keys') === 1)
    await clock.advance(1500)
    expect(await waiting).toBe('keys_unavailable')
    expect(clock.pending).toBe(0)
  })

  test('gives up a fetch when it is closed, and starts no other', async () => {
    await using provider = await IdentityProvider.start()
    provider.answerKeys = () => {}
    const keys = keySetOf(provider)
    const waiting = codeOf(keyNamed(keys, 'first'))
    await eventually(() => provider.countOf('/keys') === 1)
    keys.close()
    keys.close()
    expect(await waiting).toBe('keys_unavailable')
    await expect(keyNamed(keys, 'first')).rejects.toMatchObject({ code: 'keys_unavailable' })
    expect(provider.countOf('/keys')).toBe(1)
  })
})
