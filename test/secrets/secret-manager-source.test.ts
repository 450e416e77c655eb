import { status } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { SecretManagerSource } from '../../src/secrets/secret-manager-source.ts'
import { type FakeSecretManager, startSecretManager } from '../support/secret-manager.ts'
import { reference } from '../registry/secrets-source.ts'

// Without it the client library asks for the metadata server of a machine in the cloud.
process.env['METADATA_SERVER_DETECTION'] = 'none'

let manager: FakeSecretManager
let source: SecretManagerSource

beforeAll(async () => {
  manager = await startSecretManager()
  const { clientOptions } = manager
  source = new SecretManagerSource({ projectId: 'p1', prefix: 'gw-', clientOptions })
})
afterEach(() => {
  manager.secrets.clear()
  manager.denied.clear()
  manager.calls.length = 0
  manager.outage = undefined
})
afterAll(async () => {
  await source.close()
  await manager.close()
})

const KEY = reference('secret://acme_key')

test('reads the latest version unless one is named, under the prefix and in the project', async () => {
  manager.secrets.set('gw-acme_key', ['old', 'new'])
  expect(await source.read(KEY)).toEqual({ value: 'new', version: '2' })
  expect(await source.read(reference('secret://acme_key#1'))).toEqual({ value: 'old', version: '1' })
  expect(manager.calls).toEqual([
    'projects/p1/secrets/gw-acme_key/versions/latest',
    'projects/p1/secrets/gw-acme_key/versions/1',
  ])
})

test('keeps every byte of a value', async () => {
  manager.secrets.set('gw-acme_key', [' pässwörd\n—\t '])
  expect(await source.read(KEY)).toEqual({ value: ' pässwörd\n—\t ', version: '1' })
})

describe('a refusal names the reference, says why, and is asked for once', () => {
  const cases: [string, () => void, string, string][] = [
    ['missing', () => undefined, 'missing', 'the secret or version does not exist in Secret Manager'],
    [
      'forbidden',
      () => manager.denied.add('gw-acme_key'),
      'denied',
      'the gateway may not read it in Secret Manager',
    ],
    [
      'disabled',
      () => manager.secrets.set('gw-acme_key', ['old', null]),
      'disabled',
      'this version is disabled or destroyed in Secret Manager',
    ],
    [
      'not text',
      () => manager.secrets.set('gw-acme_key', [Buffer.from([0xff, 0xfe])]),
      'invalid',
      'its value is not UTF-8 text',
    ],
    [
      'unauthenticated',
      () => (manager.outage = status.UNAUTHENTICATED),
      'denied',
      'Secret Manager refused the credentials of the gateway',
    ],
    [
      'unavailable',
      () => (manager.outage = status.UNAVAILABLE),
      'unavailable',
      'Secret Manager does not respond (gRPC status 14)',
    ],
    [
      'overloaded',
      () => (manager.outage = status.RESOURCE_EXHAUSTED),
      'unavailable',
      'Secret Manager does not respond (gRPC status 8)',
    ],
  ]

  test.each(cases)('%s', async (_name, arrange, problem, reason) => {
    arrange()
    await expect(source.read(KEY)).rejects.toMatchObject({
      name: 'SecretRefused',
      problem,
      message: `secret://acme_key: ${reason}`,
    })
    expect(manager.calls).toHaveLength(1)
  })
})

test('gives up a call that is not answered after two seconds', async () => {
  manager.outage = 'hang'
  const startedAt = performance.now()
  await expect(source.read(KEY)).rejects.toMatchObject({ problem: 'unavailable' })
  expect(performance.now() - startedAt).toBeGreaterThan(1900)
  expect(performance.now() - startedAt).toBeLessThan(60_000)
})

test('a service that is not there is an outage, at once', async () => {
  const gone = await startSecretManager()
  await gone.close()
  const other = new SecretManagerSource({ projectId: 'p1', clientOptions: gone.clientOptions })
  await expect(other.read(KEY)).rejects.toMatchObject({ problem: 'unavailable' })
  await other.close()
})

test('closes without ever having been used', async () => {
  await expect(new SecretManagerSource({ projectId: 'p1' }).close()).resolves.toBeUndefined()
})
