import { afterAll, beforeEach, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { ConsentLinks } from '../../src/credentials/consent/consent-links.ts'
import { serverDocumentSchema } from '../../src/domain/documents/server-definition.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { SqliteStateStore } from '../../src/state/sqlite/sqlite-state-store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const SERVER = serverDocumentSchema.parse({
  name: 'notes',
  tenantId: 'acme',
  transport: 'streamable-http',
  url: 'https://notes.example/mcp',
  auth: { kind: 'oauth' },
})
const ADA: Principal = {
  tenantId: 'acme',
  subject: 'ada',
  agent: 'claude',
  roles: [],
  scopes: [],
  issuer: 'https://idp.example',
  expiresAtMs: 0,
}
const MINUTE = 60_000
const root = await temporaryDirectory()
const stores: SqliteStateStore[] = []
let clock: FakeClock
let links: ConsentLinks

beforeEach(() => {
  clock = new FakeClock()
  const store = new SqliteStateStore({ dir: join(root.path, String(stores.length)), clock })
  stores.push(store)
  links = new ConsentLinks({ store, publicUrl: 'https://gateway.example/gw', clock })
})
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await root[Symbol.asyncDispose]()
})

const codeIn = (url: string): string => new URL(url).searchParams.get('link') ?? ''

test('a link leads to the page of its server, and says for whom it is', async () => {
  const { url, expiresAt } = await links.issue(SERVER, ADA, ['notes:write'])
  expect(url).toMatch(/^https:\/\/gateway\.example\/gw\/connect\/notes\?link=[\w-]{24}$/)
  expect(expiresAt).toBe(clock.now() + 10 * MINUTE)
  expect(await links.look(codeIn(url))).toEqual({
    tenantId: 'acme',
    subject: 'ada',
    agent: 'claude',
    server: 'acme/notes',
    scopes: ['notes:write'],
  })
})

test('a link is good for ten minutes and not longer', async () => {
  const { url } = await links.issue(SERVER, ADA, [])
  await clock.advance(10 * MINUTE - 1)
  expect(await links.look(codeIn(url))).toBeDefined()
  await clock.advance(1)
  expect([await links.look(codeIn(url)), await links.take(codeIn(url))]).toEqual([undefined, false])
})

test('a link is used by one of those who try', async () => {
  const code = codeIn((await links.issue(SERVER, ADA, [])).url)
  const taken = await Promise.all([1, 2, 3].map(() => links.take(code)))
  expect(taken.filter((isTaken) => isTaken)).toEqual([true])
  expect(await links.look(code)).toBeUndefined()
})

test('the same link is given again while it is fresh and was not used', async () => {
  const { url: first } = await links.issue(SERVER, ADA, [])
  expect((await links.issue(SERVER, ADA, [])).url).toBe(first)
  const others = await Promise.all([
    links.issue(SERVER, ADA, ['more']),
    links.issue(SERVER, { ...ADA, subject: 'bob' }, []),
    links.issue({ ...SERVER, name: 'other' }, ADA, []),
  ])
  expect(others.map(({ url }) => url)).not.toContain(first)
  await clock.advance(6 * MINUTE)
  const { url: second } = await links.issue(SERVER, ADA, [])
  expect(second).not.toBe(first)
  await links.take(codeIn(second))
  expect((await links.issue(SERVER, ADA, [])).url).not.toBe(second)
})
