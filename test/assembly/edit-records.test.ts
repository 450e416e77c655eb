import { expect, test } from '@jest/globals'
import { EditRecords } from '../../src/assembly/edit-records.ts'
import type { Actor, AdministrativeAct } from '../../src/audit/administration.ts'
import type { RegistryEdit } from '../../src/registry/registry-edits.ts'
import type { StateEntry } from '../../src/state/state-store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { memoryState } from '../support/memory-state.ts'
import { silentLogger } from '../support/silent-logger.ts'

interface Written {
  readonly actor: Actor
  readonly act: AdministrativeAct
}

/** Replicas of one registry, each with what it has recorded. */
function replicas(count: number): { each: { records: EditRecords; written: Written[] }[]; clock: FakeClock } {
  const clock = new FakeClock()
  const entries = new Map<string, StateEntry>()
  const each = Array.from({ length: count }, () => {
    const written: Written[] = []
    const records = new EditRecords({
      acts: { record: async (actor, act) => void written.push({ actor, act }) },
      store: memoryState(clock, entries),
      isShared: count > 1,
      defaultTenant: 'platform',
      clock,
      logger: silentLogger,
    })
    return { records, written }
  })
  return { each, clock }
}

const edit = (changes: Partial<RegistryEdit> = {}): RegistryEdit => ({
  section: 'servers',
  tenantId: 'acme',
  name: 'github',
  before: { name: 'github', requiredRoles: ['admin'], headers: { authorization: 'old-canary' } },
  after: { name: 'github', headers: { authorization: 'new-canary' } },
  isOwn: false,
  ...changes,
})

test('an edit is recorded with what is different, without secrets, and by nobody who is known', async () => {
  const { each } = replicas(1)
  each[0]?.records.take([edit(), edit({ name: 'own', isOwn: true })])
  await each[0]?.records.close()

  expect(each[0]?.written).toEqual([
    {
      actor: {
        principal: { tenantId: 'platform', subject: 'registry' },
        requestId: 'registry',
        face: 'registry',
      },
      act: {
        action: 'server.replace',
        object: { tenantId: 'acme', name: 'github' },
        server: 'github',
        change: {
          inRegistry: true,
          fields: [
            { field: 'requiredRoles', before: ['admin'] },
            { field: 'headers.authorization', before: '********', after: '********' },
          ],
        },
      },
    },
  ])
})

test.each([
  [edit({ before: undefined }), 'server.create'],
  [edit({ after: undefined }), 'server.remove'],
  [edit({ section: 'tenants', name: 'acme' }), 'tenant.replace'],
  [edit({ section: 'pipelines', before: undefined }), 'pipeline.create'],
  [edit({ section: 'templates', after: undefined }), 'template.remove'],
  [edit({ section: 'enhancement_rules' }), 'rule.replace'],
])('edit %# is %j', async (given, action) => {
  const { each } = replicas(1)
  each[0]?.records.take([given])
  await each[0]?.records.close()
  expect(each[0]?.written.map(({ act }) => act.action)).toEqual([action])
})

test('of replicas one records it, each time that the document is edited', async () => {
  const { each, clock } = replicas(3)
  const forth = edit()
  const back = edit({ before: forth.after, after: forth.before })
  for (const seen of [forth, back, forth]) {
    for (const { records } of each) records.take([seen])
    await clock.advance(3000)
    await Promise.all(each.map(({ records }) => records.close()))
  }
  expect(each.flatMap(({ written }) => written)).toHaveLength(3)
})

test('what one replica wrote itself, and so recorded, no other records', async () => {
  const { each, clock } = replicas(2)
  each[1]?.records.take([edit()])
  each[0]?.records.take([edit({ isOwn: true })])
  await each[0]?.records.close()
  await clock.advance(3000)
  await each[1]?.records.close()
  expect(each.map(({ written }) => written)).toEqual([[], []])
})

test('more than twenty documents of a tenant at once are one record with their names', async () => {
  const { each } = replicas(1)
  const many = Array.from({ length: 60 }, (_each, at) => edit({ name: `s${at}`, before: undefined }))
  each[0]?.records.take([...many, edit({ tenantId: 'globex' })])
  await each[0]?.records.close()
  const [sum, single, ...more] = each[0]?.written.map(({ act }) => act) ?? []
  expect(more).toEqual([])
  expect(single?.object).toEqual({ tenantId: 'globex', name: 'github' })
  expect(sum).toMatchObject({
    action: 'server.replace',
    object: { tenantId: 'acme', name: '60 documents' },
    change: { created: { count: 60 }, removed: { count: 0 }, replaced: { count: 0 } },
  })
})
