import { randomBytes } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { LocalKeys } from '../../../src/secrets/vault/local-keys.ts'
import { Vault, type VaultOwner } from '../../../src/secrets/vault/vault.ts'
import { SqliteStateStore } from '../../../src/state/sqlite/sqlite-state-store.ts'
import type { StateStore } from '../../../src/state/state-store.ts'
import { stateKey } from '../../../src/state/state-key.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const OWNER: VaultOwner = { kind: 'account', tenantId: 'acme', subject: 'ada', server: 'acme/notes' }
const CONTENT = { info: { account: 'ada@notes' }, secret: { accessToken: 'planted-access-token' } }
const UNOPENED = { code: 'state_unavailable' }
const root = await temporaryDirectory()
const stores: StateStore[] = []
let made = 0

afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await root[Symbol.asyncDispose]()
})

function newStore(): { store: StateStore; dir: string } {
  made += 1
  const dir = join(root.path, String(made))
  const store = new SqliteStateStore({ dir, clock: new FakeClock() })
  stores.push(store)
  return { store, dir }
}

const vaultOver = (store: StateStore, keys = LocalKeys.given(['a'.repeat(64)])): Vault =>
  new Vault({ store, keys, clock: new FakeClock() })
const keyOf = ({ kind, tenantId, subject, server }: VaultOwner): string =>
  stateKey(kind, tenantId, subject, server)

describe('an entry', () => {
  test('comes back as it was written, for its owner only', async () => {
    const vault = vaultOver(newStore().store)
    const version = await vault.put(OWNER, CONTENT)
    expect(await vault.get(OWNER)).toEqual({ owner: OWNER, ...CONTENT, version })
    for (const change of [
      { subject: 'bob' },
      { tenantId: 'globex' },
      { server: 'acme/other' },
      { kind: 'client' },
    ])
      expect(await vault.get({ ...OWNER, ...change })).toBeUndefined()
  })

  test('has nothing of its secret in the store', async () => {
    const { store, dir } = newStore()
    const vault = vaultOver(store)
    await vault.put(OWNER, CONTENT)
    const entry = await store.get('vault', keyOf(OWNER))
    expect(entry?.value).toContain('ada@notes')
    expect(entry?.value).not.toContain('planted')
    await store.close()
    for (const name of ['state.db', 'state.db-wal']) {
      const bytes = await readFile(join(dir, name)).catch(() => Buffer.alloc(0))
      expect(bytes.includes('planted-access-token')).toBe(false)
    }
  })

  test.each([
    ['another person', { subject: 'mallory' }],
    ['another tenant', { tenantId: 'globex' }],
    ['another server', { server: 'acme/evil' }],
    ['another kind', { kind: 'client' }],
  ])('that was copied to %s does not open there', async (_, change) => {
    const { store } = newStore()
    const vault = vaultOver(store)
    await vault.put(OWNER, CONTENT)
    const moved = { ...OWNER, ...change }
    const value = (await store.get('vault', keyOf(OWNER)))?.value ?? ''
    await store.put('vault', keyOf(moved), value)
    await expect(vaultOver(store).get(moved)).rejects.toMatchObject(UNOPENED)
    const renamed = JSON.stringify({ ...JSON.parse(value), owner: moved })
    await store.put('vault', keyOf(moved), renamed)
    await expect(vaultOver(store).get(moved)).rejects.toMatchObject(UNOPENED)
  })

  test.each(['info', 'key', 'sealed'])('whose %s was altered does not open', async (part) => {
    const { store } = newStore()
    await vaultOver(store).put(OWNER, CONTENT)
    const stored = JSON.parse((await store.get('vault', keyOf(OWNER)))?.value ?? '') as Record<
      string,
      unknown
    >
    const altered = {
      info: { account: 'mallory@notes' },
      key: { ...(stored['key'] as object), bytes: randomBytes(60).toString('base64') },
      sealed: randomBytes(100).toString('base64'),
    }[part]
    await store.put('vault', keyOf(OWNER), JSON.stringify({ ...stored, [part]: altered }))
    await expect(vaultOver(store).get(OWNER)).rejects.toMatchObject(UNOPENED)
  })

  test('is the last of two writes that both expected the one before, and the first knows', async () => {
    const vault = vaultOver(newStore().store)
    const expected = (await vault.put(OWNER, CONTENT)) ?? ''
    const writes = ['a', 'b'].map((accessToken) =>
      vault.put(OWNER, { ...CONTENT, secret: { accessToken } }, { expected }),
    )
    expect((await Promise.all(writes)).filter((version) => version !== undefined)).toHaveLength(1)
  })
})

test('lists have what may be shown, and no secret', async () => {
  const vault = vaultOver(newStore().store)
  const owners = ['ada', 'bob'].map((subject) => ({ ...OWNER, subject }))
  for (const owner of owners) await vault.put(owner, CONTENT)
  await vault.put({ ...OWNER, tenantId: 'acme-2' }, CONTENT)
  const listed = await vault.list('account', 'acme')
  expect(listed).toEqual(owners.map((owner) => ({ owner, info: CONTENT.info, version: expect.any(String) })))
  expect(await vault.list('account', 'acme', 'bob')).toHaveLength(1)
})

describe('keys', () => {
  test('in a file are made with the first entry, for this user only, and open entries after a restart', async () => {
    const { store, dir } = newStore()
    const path = join(dir, 'vault.keys')
    await vaultOver(store, LocalKeys.inFile(path)).put(OWNER, CONTENT)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect(await vaultOver(store, LocalKeys.inFile(path)).get(OWNER)).toMatchObject(CONTENT)
  })

  test('rotate: every entry gets new keys, and the old key is not needed any more', async () => {
    const { store, dir } = newStore()
    const path = join(dir, 'vault.keys')
    const vault = vaultOver(store, LocalKeys.inFile(path))
    const owners = Array.from({ length: 3 }, (_, index) => ({ ...OWNER, subject: `s${index}` }))
    for (const owner of owners) await vault.put(owner, CONTENT)
    const before = await readFile(path, 'utf8')
    expect(await vault.rotate()).toEqual({ rotated: 3, unopened: 0 })
    const [newest = '', ...rest] = (await readFile(path, 'utf8')).trim().split('\n')
    expect(`${rest.join('\n')}\n`).toBe(before)
    for (const owner of owners)
      expect(await vaultOver(store, LocalKeys.given([newest])).get(owner)).toMatchObject(CONTENT)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
  })

  test('rotate: entries are read and written all the time, and what is written meanwhile stays', async () => {
    const { store, dir } = newStore()
    const owners = Array.from({ length: 20 }, (_, index) => ({ ...OWNER, subject: `s${index}` }))
    const changed = { info: {}, secret: { accessToken: 'of-the-rotation' } }
    let during: (() => Promise<void>) | undefined
    /** Something else happens while the first entry is written again. */
    const interrupted: StateStore = {
      get: (...args) => store.get(...args),
      list: (...args) => store.list(...args),
      delete: (...args) => store.delete(...args),
      close: () => store.close(),
      put: async (...args) => {
        const now = during
        during = undefined
        await now?.()
        return await store.put(...args)
      },
    }
    const keys = LocalKeys.inFile(join(dir, 'vault.keys'))
    const vault = new Vault({ store: interrupted, keys, clock: new FakeClock() })
    for (const owner of owners) await vault.put(owner, CONTENT)
    const [first = OWNER, last = OWNER] = [owners[0], owners.at(-1)]
    during = async () => {
      for (const owner of owners) expect(await vault.get(owner)).toMatchObject(CONTENT)
      await vault.put(first, changed)
    }
    expect(await vault.rotate()).toEqual({ rotated: 19, unopened: 0 })
    expect(await vault.get(first)).toMatchObject(changed)
    expect(await vault.get(last)).toMatchObject(CONTENT)
  })

  test('rotate: an entry that no key opens stays as it was, and keeps no other from it', async () => {
    const { store } = newStore()
    await vaultOver(store, LocalKeys.given(['3'.repeat(64)])).put({ ...OWNER, subject: 'a' }, CONTENT)
    const lost = await store.get('vault', keyOf({ ...OWNER, subject: 'a' }))
    const vault = vaultOver(store)
    await vault.put({ ...OWNER, subject: 'b' }, CONTENT)
    expect(await vault.rotate()).toEqual({ rotated: 1, unopened: 1 })
    expect(await store.get('vault', keyOf({ ...OWNER, subject: 'a' }))).toEqual(lost)
  })

  test('of the settings: the first encrypts, all decrypt', async () => {
    const { store } = newStore()
    const [old, fresh] = ['1'.repeat(64), '2'.repeat(64)]
    await vaultOver(store, LocalKeys.given([old])).put(OWNER, CONTENT)
    const both = vaultOver(store, LocalKeys.given([fresh, old]))
    expect(await both.get(OWNER)).toMatchObject(CONTENT)
    await both.rotate()
    expect(await vaultOver(store, LocalKeys.given([fresh])).get(OWNER)).toMatchObject(CONTENT)
    await expect(vaultOver(store, LocalKeys.given([old])).get(OWNER)).rejects.toMatchObject(UNOPENED)
  })
})
