import { status } from '@grpc/grpc-js'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import type { Settings } from '../../src/config/settings.ts'
import { withSharedKeys } from '../../src/secrets/shared-keys.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { type FakeSecretManager, startSecretManager } from '../support/secret-manager.ts'

// Without it the client library asks for the metadata server of a machine in the cloud.
process.env['METADATA_SERVER_DETECTION'] = 'none'

const STATE = 'tool-gateway-state-key'
const DIGEST = 'tool-gateway-audit-digest-key'
const [FIRST, SECOND, THIRD] = ['a1', 'b2', 'c3'].map((pair) => pair.repeat(32)) as [string, string, string]

let manager: FakeSecretManager
let clock: FakeClock

beforeAll(async () => {
  manager = await startSecretManager()
})
beforeEach(() => {
  clock = new FakeClock()
})
afterEach(() => {
  manager.secrets.clear()
  manager.denied.clear()
  manager.calls.length = 0
  manager.outage = undefined
})
afterAll(() => manager.close())

type Keys = Pick<Settings, 'stateKey' | 'stateKeyPrevious' | 'auditDigestKey' | 'auditDigestKeyPrevious'>

async function started(env: Record<string, string> = {}): Promise<Keys> {
  const settings = loadSettings({ SHARED_KEYS_PROJECT: 'p1', ...env })
  const { stateKey, stateKeyPrevious, auditDigestKey, auditDigestKeyPrevious } = await withSharedKeys(
    settings,
    {
      clock,
      clientOptions: manager.clientOptions,
    },
  )
  return { stateKey, stateKeyPrevious, auditDigestKey, auditDigestKeyPrevious }
}

/** What replicas that start now have, once time has passed. */
async function allStarted(...replicas: Promise<Keys>[]): Promise<Keys[]> {
  const open = new Set(replicas)
  for (const replica of replicas) void replica.catch(() => undefined).finally(() => open.delete(replica))
  await eventually(async () => {
    await clock.advance(250)
    return open.size === 0
  })
  return Promise.all(replicas)
}

test('the latest version of a secret is the current key, and the one before it the previous one', async () => {
  manager.secrets.set(STATE, [FIRST, SECOND, `${THIRD}\n`])
  manager.secrets.set(DIGEST, [FIRST])
  expect(await started()).toEqual({
    stateKey: THIRD,
    stateKeyPrevious: SECOND,
    auditDigestKey: FIRST,
    auditDigestKeyPrevious: undefined,
  })
})

test('a version that was taken out of use is no previous key', async () => {
  manager.secrets.set(STATE, [null, SECOND])
  manager.secrets.set(DIGEST, [FIRST])
  expect(await started()).toMatchObject({ stateKey: SECOND, stateKeyPrevious: undefined })
})

test('keys of the settings come first, and with both of them nothing is asked', async () => {
  manager.secrets.set(DIGEST, [SECOND])
  expect(await started({ STATE_KEY: FIRST })).toMatchObject({ stateKey: FIRST, auditDigestKey: SECOND })
  manager.calls.length = 0
  expect(await started({ STATE_KEY: FIRST, AUDIT_DIGEST_KEY: THIRD })).toMatchObject({
    auditDigestKey: THIRD,
  })
  expect(manager.calls).toEqual([])
})

test('of replicas that start without keys one makes them, and all have the same', async () => {
  const keys = await allStarted(started(), started(), started())
  expect([manager.secrets.get(STATE)?.length, manager.secrets.get(DIGEST)?.length]).toEqual([1, 1])
  expect(keys[0]?.stateKey).toMatch(/^[0-9a-f]{64}$/)
  expect(keys[0]?.stateKey).not.toBe(keys[0]?.auditDigestKey)
  expect(keys).toEqual([keys[0], keys[0], keys[0]])
  expect(await started()).toEqual(keys[0])
})

test('a secret without a key, because the replica that made it was killed, gets one, and all have the same', async () => {
  manager.secrets.set(STATE, [])
  manager.secrets.set(DIGEST, [FIRST])
  const keys = await allStarted(started(), started())
  expect(keys[0]?.stateKey).toMatch(/^[0-9a-f]{64}$/)
  expect(keys[1]).toEqual(keys[0])
})

test('a start without permission, with something else in the secret, or without Secret Manager says why it failed', async () => {
  manager.secrets.set(DIGEST, [FIRST])
  manager.denied.add(STATE)
  await expect(started()).rejects.toThrow(
    'the secret tool-gateway-state-key of projects/p1 cannot be read: the service account has no permission',
  )
  manager.denied.clear()
  manager.secrets.set(STATE, ['a password'])
  await expect(started()).rejects.toThrow(
    'the secret tool-gateway-state-key of projects/p1 is not a key: it has to be 64 hex digits',
  )
  manager.secrets.set(STATE, [FIRST, null])
  await expect(started()).rejects.toThrow('its latest version is disabled or destroyed')
  manager.outage = status.UNAVAILABLE
  await expect(started()).rejects.toThrow('Secret Manager does not respond (gRPC status 14)')
})
