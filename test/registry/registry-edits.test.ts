import { expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { serverKey } from '../../src/domain/documents/server-definition.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from '../../src/domain/snapshot.ts'
import { type RegistryEdit, RegistryEdits } from '../../src/registry/registry-edits.ts'
import type { RegistryStore } from '../../src/registry/registry-store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { server } from '../support/offers.ts'

/** A registry whose snapshots the test gives, and the edits that were seen, in words. */
function world(): {
  edits: RegistryEdits
  seen: string[]
  apply: (...servers: JsonObject[]) => void
  applyTenants: (...ids: string[]) => void
} {
  const seen: string[] = []
  const inWords = ({ section, name, before, after, isOwn }: RegistryEdit): string =>
    [
      isOwn ? 'own' : 'other',
      section,
      name,
      before === undefined ? 'new' : '',
      after === undefined ? 'gone' : '',
    ]
      .filter((word) => word !== '')
      .join(' ')
  const edits = new RegistryEdits({
    clock: new FakeClock(),
    onEdits: (found) => seen.push(found.map(inWords).join(', ')),
  })
  let apply: (snapshot: Snapshot) => void = () => undefined
  const source = edits.of({
    start: async (onSnapshot) => void (apply = onSnapshot),
    caughtUp: () => Promise.resolve(),
    close: () => Promise.resolve(),
  })
  void source.start(() => undefined)
  return {
    edits,
    seen,
    apply: (...servers) => {
      const all = servers.map((each) => server(each))
      apply({ ...EMPTY_SNAPSHOT, servers: new Map(all.map((each) => [serverKey(each), each])) })
    },
    applyTenants: (...ids) =>
      edits.tenants({
        inUse: true,
        byId: new Map(
          ids.map((tenantId) => [tenantId, { tenantId, issuers: [], trustAgentHeader: false, quotas: {} }]),
        ),
        tolerated: new Set(),
        quarantined: [],
      }),
  }
}

test('the first registry in force is the base; then each document that differs is an edit, together with the others', () => {
  const { seen, apply, applyTenants } = world()
  applyTenants('acme')
  apply({ name: 'a' }, { name: 'b' })
  apply({ name: 'a' }, { name: 'b' })
  apply({ name: 'a', requiredRoles: ['admin'] }, { name: 'c' })
  applyTenants('acme', 'globex')

  expect(seen).toEqual([
    'other servers a, other servers b gone, other servers c new',
    'other tenants globex new',
  ])
})

test('an edit by a write of this process is its own, while the write is under way and no longer', async () => {
  const { edits, seen, apply } = world()
  apply({ name: 'a' })
  const answer = { tenantId: 'acme', name: 'a', document: {}, etag: '1' }
  const store: RegistryStore = {
    get: () => Promise.resolve(undefined),
    list: () => Promise.resolve([]),
    create: () => Promise.resolve(answer),
    replace: async () => {
      apply({ name: 'a', requiredRoles: ['admin'] })
      return answer
    },
    remove: () => Promise.reject(new Error('it was changed meanwhile')),
  }
  const writer = edits.writer(store, 'servers')
  await writer.replace({ tenantId: 'acme', name: 'a' }, '1')
  apply({ name: 'a' })
  await expect(writer.remove('acme', 'a', '1')).rejects.toThrow('changed meanwhile')
  apply()

  expect(seen).toEqual(['own servers a', 'other servers a', 'other servers a gone'])
})
