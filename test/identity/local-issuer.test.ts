import { chmod, readFile, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { LOCAL_ISSUER_SETTINGS, LocalIssuer } from '../../src/identity/local-issuer.ts'
import { LOCAL_ISSUER } from '../../src/identity/local-names.ts'
import { TokenVerifier } from '../../src/identity/token-verifier.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const HOUR = 3_600_000
const KEY_FILE = 'local-issuer-key.json'
const clock = new FakeClock()
const ADA = { tenantId: 'acme', subject: 'ada', roles: ['reader'], ttlMs: HOUR }

function verifierOf(issuer: LocalIssuer): TokenVerifier {
  return new TokenVerifier({ issuers: [{ settings: LOCAL_ISSUER_SETTINGS, keys: issuer.keys }], clock })
}

test('issues tokens that its own keys verify, with everything that was asked for', async () => {
  await using dir = await temporaryDirectory()
  const issuer = await LocalIssuer.open({ dir: dir.path, clock })
  const token = await issuer.issue({ ...ADA, scopes: ['a', 'b'], agent: 'planner', agents: ['helper'] })
  expect(await verifierOf(issuer).verify(token)).toEqual({
    principal: {
      tenantId: 'acme',
      subject: 'ada',
      agent: 'planner',
      roles: ['reader'],
      scopes: ['a', 'b'],
      issuer: 'urn:tool-gateway:local',
      expiresAtMs: clock.now() + HOUR,
    },
    agents: ['helper'],
    paths: [''],
  })
})

test('marks tokens as access tokens of the local issuer, for the local audience', async () => {
  await using dir = await temporaryDirectory()
  const token = await (await LocalIssuer.open({ dir: dir.path, clock })).issue(ADA)
  expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', typ: 'at+jwt', kid: expect.any(String) })
  expect(decodeJwt(token)).toMatchObject({ iss: LOCAL_ISSUER, aud: LOCAL_ISSUER, jti: expect.any(String) })
})

test('keeps its key across restarts, for its user only', async () => {
  await using dir = await temporaryDirectory()
  const data = join(dir.path, 'data')
  const token = await (await LocalIssuer.open({ dir: data, clock })).issue(ADA)
  const again = await LocalIssuer.open({ dir: data, clock })
  expect((await verifierOf(again).verify(token)).principal.subject).toBe('ada')
  expect((await stat(data)).mode & 0o777).toBe(0o700)
  expect((await stat(join(data, KEY_FILE))).mode & 0o777).toBe(0o600)
})

test('many starts at once agree on one key and leave nothing else behind', async () => {
  await using dir = await temporaryDirectory()
  const issuers = await Promise.all(
    Array.from({ length: 20 }, () => LocalIssuer.open({ dir: dir.path, clock })),
  )
  const tokens = await Promise.all(issuers.map((issuer) => issuer.issue(ADA)))
  const ids = new Set(tokens.map((token) => decodeProtectedHeader(token).kid))
  expect(ids.size).toBe(1)
  expect(await readdir(dir.path)).toEqual([KEY_FILE])
})

test('refuses a key that other users can read', async () => {
  await using dir = await temporaryDirectory()
  await LocalIssuer.open({ dir: dir.path, clock })
  await chmod(join(dir.path, KEY_FILE), 0o644)
  await expect(LocalIssuer.open({ dir: dir.path, clock })).rejects.toThrow(
    /can be read by other users \(mode 0644\)/,
  )
})

test.each([
  '',
  'not json',
  '{}',
  '{"kty":"EC","crv":"P-256","x":"AA","y":"AA","d":"AA"}',
  '{"kty":"oct","k":"AA"}',
])('refuses the damaged key file %j and leaves it alone', async (text) => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, KEY_FILE)
  await writeFile(path, text, { mode: 0o600 })
  await expect(LocalIssuer.open({ dir: dir.path, clock })).rejects.toThrow(
    /is not a signing key of the local issuer/,
  )
  expect(await readFile(path, 'utf8')).toBe(text)
})

test.each([
  ['no tenant id', { tenantId: 'Acme' }],
  ['an empty subject', { subject: '' }],
  ['no lifetime', { ttlMs: 0 }],
  ['more than 30 days', { ttlMs: 30 * 24 * HOUR + 1 }],
  ['a lifetime that is no number', { ttlMs: Number.NaN }],
])('issues no token for %s', async (_what, changes) => {
  await using dir = await temporaryDirectory()
  const issuer = await LocalIssuer.open({ dir: dir.path, clock })
  await expect(issuer.issue({ ...ADA, ...changes })).rejects.toThrow(RangeError)
})

test('issues a token for 30 days', async () => {
  await using dir = await temporaryDirectory()
  const issuer = await LocalIssuer.open({ dir: dir.path, clock })
  const { principal } = await verifierOf(issuer).verify(await issuer.issue({ ...ADA, ttlMs: 30 * 24 * HOUR }))
  expect(principal.expiresAtMs).toBe(clock.now() + 30 * 24 * HOUR)
})

test('tokens of another installation are not valid here', async () => {
  await using one = await temporaryDirectory()
  await using two = await temporaryDirectory()
  const token = await (await LocalIssuer.open({ dir: one.path, clock })).issue(ADA)
  const here = await LocalIssuer.open({ dir: two.path, clock })
  await expect(verifierOf(here).verify(token)).rejects.toMatchObject({ code: 'invalid_token' })
})
