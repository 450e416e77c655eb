import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type StoredResult, StoredResults } from '../../../src/calls/results/stored-results.ts'
import { storedUri, storedUriIn } from '../../../src/calls/results/stored-uri.ts'
import type { Principal } from '../../../src/domain/principal.ts'
import { SqliteStateStore } from '../../../src/state/sqlite/sqlite-state-store.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { principal } from '../../support/offers.ts'
import { silentLogger as logger } from '../../support/silent-logger.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'

const KEYS = { current: Buffer.alloc(32, 1) }
const HOUR = 3_600_000
const NEVER = new AbortController().signal
const about = { server: 'acme/alpha', tool: 'read', mimeType: 'text/plain' }
const root = await temporaryDirectory()

let made = 0
let clock: FakeClock
let store: SqliteStateStore
beforeEach(() => {
  made += 1
  clock = new FakeClock()
  store = new SqliteStateStore({ dir: join(root.path, String(made)), clock })
})
afterEach(() => store.close())
afterAll(async () => {
  await root[Symbol.asyncDispose]()
})

/** One of several replicas over the same store. */
function replica(keys = KEYS): StoredResults {
  return new StoredResults({ store, keys, clock, logger })
}

async function read(results: StoredResults, by: Principal, id: string): Promise<StoredResult | undefined> {
  const found = await results.find(by, id)
  if (found === undefined) return undefined
  const { server, tool, mimeType } = found
  const text = await results.read(found, { principal: by, signal: NEVER, timeoutMs: HOUR })
  return text === undefined ? undefined : { server, tool, mimeType, text }
}

async function kept(text: string, by: Principal = principal()): Promise<string> {
  const at = await replica().keep(by, { ...about, text }, HOUR)
  return at?.id ?? ''
}

describe('a stored result', () => {
  test('is unchanged at every replica, regardless of its size', async () => {
    const text = `${randomBytes(600_000).toString('base64')}ü😀`
    expect(await read(replica(), principal(), await kept(text))).toEqual({ ...about, text })
  })

  test.each([
    ['another person', { subject: 'bob' }],
    ['another tenant', { tenantId: 'globex' }],
    ['another program of the same person', { agent: 'other' }],
    ['a token with other rights', { roles: ['operator'] }],
    ['the same name at another issuer', { issuer: 'urn:other' }],
  ])('is nothing for %s', async (_who, fields) => {
    const id = await kept('secret')
    expect(await read(replica(), principal(fields), id)).toBeUndefined()
  })

  test('cannot be read without the key of the gateway, and the store has no plain text', async () => {
    const id = await kept('secret text')
    const { entries } = await store.list('stored-results', '', { limit: 10 })
    expect(entries.length).toBe(2)
    expect(entries.filter(({ value }) => value.includes('secret') || value.includes('alpha'))).toEqual([])
    expect(await read(replica({ current: Buffer.alloc(32, 2) }), principal(), id)).toBeUndefined()
  })

  test('is gone after its time', async () => {
    const id = await kept('text')
    await clock.advance(HOUR - 1)
    expect(await read(replica(), principal(), id)).toMatchObject({ text: 'text' })
    await clock.advance(1)
    expect(await read(replica(), principal(), id)).toBeUndefined()
  })
})

test('without the store nothing is stored, and that is not a failure', async () => {
  const id = await replica().keep(principal(), { ...about, text: 'x' }, HOUR)
  await store.close()
  expect(id?.until).toBe(clock.now() + HOUR)
  expect(await replica().keep(principal(), { ...about, text: 'x' }, HOUR)).toBeUndefined()
})

test('a URI names a result, a part of it, or nothing of the gateway', () => {
  const id = 'a'.repeat(24)
  const uri = storedUri({ server: 'files', id })
  expect(storedUriIn(uri)).toEqual({ server: 'files', id, part: undefined })
  expect(storedUriIn(`${uri}?from=10&length=20`)).toEqual({
    server: 'files',
    id,
    part: { from: 10, length: 20 },
  })
  expect(
    ['file:///a', `${uri}x`, `${uri}?from=-1&length=2`, 'tool-gateway://results/a_b/c'].map(storedUriIn),
  ).toEqual([undefined, undefined, undefined, undefined])
})
