import { describe, expect, test } from '@jest/globals'
import { RemoteKeySet } from '../../src/identity/key-set.ts'
import { TokenVerifier } from '../../src/identity/token-verifier.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { IdentityProvider, sign } from '../support/identity-provider.ts'
import { silentLogger } from '../support/silent-logger.ts'
import {
  ISSUER,
  OTHER_ISSUER,
  START_SECONDS,
  claims,
  key,
  otherKey,
  refusal,
  settingsOf,
  signText,
  verifierOf,
} from '../support/tokens.ts'

const tooLong = (hours: number): Record<string, unknown> =>
  refusal(`The lifetime of the token is longer than ${hours} h, which is the longest accepted.`)
const ended = (secondsAgo: number): Promise<string> => sign(key, claims({ exp: START_SECONDS - secondsAgo }))

function remote(provider: IdentityProvider, clock: FakeClock): TokenVerifier {
  const settings = settingsOf({ issuer: provider.url })
  const keys = new RemoteKeySet({ issuer: provider.url, clock, logger: silentLogger })
  return new TokenVerifier({ issuers: [{ settings, keys }], clock })
}

describe('lifetime', () => {
  test('accepts a token up to 5 s after its end, for clocks that differ', async () => {
    const { verifier } = verifierOf()
    expect((await verifier.verify(await ended(4))).principal.subject).toBe('ada')
    await expect(verifier.verify(await ended(60))).rejects.toMatchObject(refusal('The token has expired.'))
  })

  test.each([
    ['missing', undefined],
    ['a string', `${START_SECONDS + 60}`],
    ['null', null],
  ])('refuses an end that is %s', async (_what, exp) => {
    const { verifier } = verifierOf()
    await expect(verifier.verify(await sign(key, claims({ exp })))).rejects.toMatchObject(
      refusal('The token has no valid expiration time.'),
    )
  })

  test('refuses a token that never ends', async () => {
    const { verifier } = verifierOf()
    const endless = await signText(JSON.stringify(claims({ exp: 0 })).replace('"exp":0', '"exp":1e400'))
    await expect(verifier.verify(endless)).rejects.toMatchObject(tooLong(24))
  })

  test.each([
    ['from its issue on', { iat: START_SECONDS - 3600, exp: START_SECONDS + 23 * 3600 + 6 }],
    [
      'from now on, where it does not say when it was issued',
      { exp: START_SECONDS + 86_406, iat: undefined },
    ],
  ])('refuses a token that is valid for more than a day %s', async (_what, times) => {
    const { verifier } = verifierOf()
    await expect(verifier.verify(await sign(key, claims(times)))).rejects.toMatchObject(tooLong(24))
    const week = verifierOf({ settings: { maxTokenHours: 168 } }).verifier
    expect(await week.verify(await sign(key, claims(times)))).toHaveProperty('agents')
  })

  test('accepts a token that is valid for a day', async () => {
    const { verifier } = verifierOf()
    expect(await verifier.verify(await sign(key, claims({ exp: START_SECONDS + 86_400 })))).toHaveProperty(
      'agents',
    )
  })

  test('accepts an end with a fraction', async () => {
    const { verifier } = verifierOf()
    const { principal } = await verifier.verify(await sign(key, claims({ exp: START_SECONDS + 0.5 })))
    expect(principal.expiresAtMs).toBe(START_SECONDS * 1000 + 500)
  })

  test('refuses a token from the future', async () => {
    const { verifier } = verifierOf()
    const notYet = await sign(key, claims({ nbf: START_SECONDS + 60 }))
    await expect(verifier.verify(notYet)).rejects.toMatchObject(refusal('The token is not valid yet.'))
    const ahead = await sign(key, claims({ iat: START_SECONDS + 3600 }))
    await expect(verifier.verify(ahead)).rejects.toMatchObject(refusal('The token was issued in the future.'))
    expect(await verifier.verify(await sign(key, claims({ iat: START_SECONDS + 59 })))).toHaveProperty(
      'agents',
    )
  })

  test.each(['now', null])('refuses the time of issue %j', async (iat) => {
    const { verifier } = verifierOf()
    await expect(verifier.verify(await sign(key, claims({ iat })))).rejects.toMatchObject(
      refusal('The token has no valid time of issue.'),
    )
  })
})

describe('audience and issuer', () => {
  test.each([
    ['missing', undefined],
    ['empty', []],
    ['an object', { gateway: true }],
    ['followed by a slash', 'gateway/'],
    ['another service', 'billing'],
  ])('refuses an audience that is %s', async (_what, aud) => {
    const { verifier } = verifierOf()
    await expect(verifier.verify(await sign(key, claims({ aud })))).rejects.toMatchObject(
      refusal('The audience of the token is not this gateway.'),
    )
  })

  test('accepts a token that is for this gateway and others', async () => {
    const { verifier } = verifierOf()
    expect(await verifier.verify(await sign(key, claims({ aud: ['billing', 'gateway'] })))).toHaveProperty(
      'agents',
    )
  })

  test.each([
    ['missing', undefined],
    ['followed by a slash', `${ISSUER}/`],
    ['a list', [ISSUER]],
    ['unknown', 'https://stranger.example'],
    ['a prototype name', '__proto__'],
  ])('refuses an issuer that is %s', async (_what, iss) => {
    const { verifier, counter } = verifierOf()
    await expect(verifier.verify(await sign(key, claims({ iss })))).rejects.toMatchObject(
      refusal('The issuer of the token is unknown.'),
    )
    expect(counter.lookups).toBe(0)
  })

  test('checks a token with the keys of its own issuer only', async () => {
    const { verifier } = verifierOf()
    const stolenName = await sign(otherKey, claims(), { kid: 'one' })
    await expect(verifier.verify(stolenName)).rejects.toMatchObject(
      refusal('The signature of the token is wrong.'),
    )
  })

  test('does not let the issuer of one tenant name another', async () => {
    const { verifier } = verifierOf()
    const own = await sign(otherKey, claims({ iss: OTHER_ISSUER, tenant_id: 'globex' }))
    expect((await verifier.verify(own)).principal.tenantId).toBe('globex')
    const foreign = await sign(otherKey, claims({ iss: OTHER_ISSUER, tenant_id: 'acme' }))
    await expect(verifier.verify(foreign)).rejects.toMatchObject({ code: 'invalid_token' })
  })

  test('refuses a token without a subject', async () => {
    const { verifier } = verifierOf()
    await expect(verifier.verify(await sign(key, claims({ sub: undefined })))).rejects.toMatchObject({
      code: 'invalid_token',
    })
  })
})

describe('memory', () => {
  test('does not check a token again within 60 s, and does after', async () => {
    const { verifier, clock, counter } = verifierOf()
    const token = await sign(key, claims())
    const verified = await verifier.verify(token)
    await clock.advance(59_999)
    expect(await verifier.verify(token)).toBe(verified)
    expect(counter.lookups).toBe(1)
    await clock.advance(1)
    expect(await verifier.verify(token)).toEqual(verified)
    expect(counter.lookups).toBe(2)
  })

  test('does not outlast the token', async () => {
    const { verifier, clock } = verifierOf()
    const token = await sign(key, claims({ exp: START_SECONDS + 10 }))
    await verifier.verify(token)
    await clock.advance(15_000)
    await expect(verifier.verify(token)).rejects.toMatchObject(refusal('The token has expired.'))
  })

  test('holds no more tokens than it may', async () => {
    const { verifier, counter } = verifierOf({ cacheSize: 2 })
    const tokens = await Promise.all(['a', 'b', 'c'].map((sub) => sign(key, claims({ sub }))))
    for (const token of [...tokens, ...tokens]) await verifier.verify(token)
    expect(counter.lookups).toBe(6)
  })

  test('does not remember what was refused', async () => {
    const { verifier, counter } = verifierOf()
    const token = await sign(key, claims({ nbf: START_SECONDS + 60 }))
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'invalid_token' })
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'invalid_token' })
    expect(counter.lookups).toBe(2)
  })
})

describe('keys of a real endpoint', () => {
  test('an endpoint that is down is no fault of the token', async () => {
    await using provider = await IdentityProvider.start()
    provider.answerKeys = (_request, response) => response.writeHead(500).end()
    const verifier = remote(provider, new FakeClock())
    await expect(verifier.verify(await sign(key, claims({ iss: provider.url })))).rejects.toMatchObject({
      code: 'keys_unavailable',
    })
  })

  test('accepts tokens of the old and the new key during a rotation, and ends a withdrawn one', async () => {
    await using provider = await IdentityProvider.start()
    provider.keys = [key.jwk]
    const clock = new FakeClock()
    const verifier = remote(provider, clock)
    const lasting = { iss: provider.url, exp: START_SECONDS + 86_400 }
    const old = await sign(key, claims(lasting))
    const next = await sign(otherKey, claims(lasting))
    await verifier.verify(old)
    provider.keys = [key.jwk, otherKey.jwk]
    await clock.advance(30_000)
    expect(await verifier.verify(next)).toHaveProperty('agents')
    expect(await verifier.verify(old)).toHaveProperty('agents')
    provider.keys = [otherKey.jwk]
    await clock.advance(10 * 60_000 + 1)
    await expect(verifier.verify(old)).rejects.toMatchObject({ code: 'invalid_token' })
    expect(await verifier.verify(next)).toHaveProperty('agents')
  })
})
