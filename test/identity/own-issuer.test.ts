import { afterEach, describe, expect, test } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { KeyRing } from '../../src/domain/seal/key-ring.ts'
import { RevokedGrants } from '../../src/identity/own-issuer/revoked-grants.ts'
import { SigningKeys } from '../../src/identity/own-issuer/signing-keys.ts'
import { SqliteStateStore } from '../../src/state/sqlite/sqlite-state-store.ts'
import { FakeClock } from '../support/fake-clock.ts'

const DAY = 86_400_000
const KEYS = { current: Buffer.alloc(32, 1) }
const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

async function world() {
  const dir = await mkdtemp(join(tmpdir(), 'tool-gateway-keys-'))
  const clock = new FakeClock()
  const store = new SqliteStateStore({ dir, clock })
  closers.push(async () => {
    await store.close()
    await rm(dir, { recursive: true })
  })
  const open = (stateKeys: KeyRing = KEYS): SigningKeys => new SigningKeys({ store, stateKeys, clock })
  return { clock, store, open }
}

const kidsOf = async (keys: SigningKeys): Promise<string[]> => (await keys.current()).map(({ kid }) => kid)

describe('the signing keys', () => {
  test('are the same for every replica, also for two that start at the same time', async () => {
    const { open } = await world()
    const [first, second] = await Promise.all([kidsOf(open()), kidsOf(open())])
    expect(first).toEqual(second)
    expect(await kidsOf(open())).toEqual(first)
  })

  test('change every 30 days, and the one before stays for verifying', async () => {
    const { open, clock } = await world()
    const [first] = await kidsOf(open())
    await clock.advance(30 * DAY)
    const [second, previous] = await kidsOf(open())
    expect(previous).toBe(first)
    await clock.advance(30 * DAY)
    const [third, ...rest] = await kidsOf(open())
    expect(rest).toEqual([second])
    expect(new Set([first, second, third]).size).toBe(3)
  })

  test('are seen by a running replica within a minute of another one changing them', async () => {
    const { open, clock } = await world()
    const running = open()
    await kidsOf(running)
    await clock.advance(30 * DAY)
    const changed = await kidsOf(open())
    expect(await kidsOf(running)).toEqual(changed)
  })

  test('are kept sealed, and survive a change of the key that seals them', async () => {
    const { open, store } = await world()
    const before = await kidsOf(open())
    const entry = await store.get('oauth-keys', 'signing')
    expect(entry?.value).not.toContain(before[0])
    expect(await kidsOf(open({ current: Buffer.alloc(32, 2), previous: KEYS.current }))).toEqual(before)
  })

  test('verify no ID token', async () => {
    const { open } = await world()
    await expect(open().key({ alg: 'ES256', typ: 'JWT' }, { payload: '', signature: '' })).rejects.toThrow(
      'not an access token',
    )
  })
})

describe('a revoked grant', () => {
  test('ends what watches it, once, and what comes to watch it later', async () => {
    const clock = new FakeClock()
    const revoked = new RevokedGrants({ clock })
    const grant = revoked.grant('a')
    const ended: string[] = []
    grant.onRevoked(() => ended.push('first'))
    const stop = grant.onRevoked(() => ended.push('called off'))
    stop()
    revoked.revoke('b')
    expect(ended).toEqual([])
    revoked.revoke('a')
    revoked.revoke('a')
    grant.onRevoked(() => ended.push('late'))
    await clock.advance(0)
    expect([ended, grant.isRevoked()]).toEqual([['first', 'late'], true])
  })

  test('is remembered for as long as tokens of it could be valid, and no longer', async () => {
    const clock = new FakeClock()
    const revoked = new RevokedGrants({ clock })
    revoked.revoke('a')
    await clock.advance(90 * 60_000)
    revoked.revoke('b')
    expect(revoked.has('a')).toBe(true)
    await clock.advance(60 * 60_000)
    revoked.revoke('c')
    expect([revoked.has('a'), revoked.has('b')]).toEqual([false, true])
  })
})
