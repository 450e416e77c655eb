import { expect, test } from '@jest/globals'
import { EditRecords } from '../../src/assembly/edit-records.ts'
import { KnownDocuments } from '../../src/assembly/known-documents.ts'
import type { AdministrativeAct } from '../../src/audit/administration.ts'
import type { RegistryEdit } from '../../src/registry/registry-edits.ts'
import type { StateEntry } from '../../src/state/state-store.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { memoryState } from '../support/memory-state.ts'
import { silentLogger } from '../support/silent-logger.ts'

const clock = new FakeClock()

const document = (name: string, fields: Partial<RegistryEdit> = {}): RegistryEdit => ({
  section: 'servers',
  tenantId: 'acme',
  name,
  before: undefined,
  after: { name, command: 'x' },
  isOwn: false,
  ...fields,
})

/** A gateway from its start, with `base` in force, through `edits`, to its end. @returns what it recorded */
async function run(
  entries: Map<string, StateEntry>,
  base: readonly RegistryEdit[],
  { edits = [], failures = 0 }: { edits?: readonly RegistryEdit[]; failures?: number } = {},
): Promise<AdministrativeAct[]> {
  const written: AdministrativeAct[] = []
  const store = memoryState(clock, entries)
  let left = failures
  const shaky: typeof store = {
    ...store,
    get: (collection, key) =>
      left-- > 0 ? Promise.reject(new Error('the store is away')) : store.get(collection, key),
  }
  const records = new EditRecords({
    acts: { record: async (_actor, act) => void written.push(act) },
    store,
    isShared: false,
    defaultTenant: 'platform',
    clock,
    logger: silentLogger,
  })
  const onEdits = (unseen: readonly RegistryEdit[]): void => records.take(unseen)
  const known = new KnownDocuments({ store: shaky, onEdits, clock, logger: silentLogger })
  known.base(base)
  if (failures > 0) await clock.advance(30_000)
  if (edits.length > 0) known.take(edits)
  await known.close()
  await records.close()
  return written
}

test('the first gateway records nothing of the registry that it finds', async () => {
  expect(await run(new Map(), [document('a'), document('b')])).toEqual([])
})

test('a gateway records what was edited since the last one ran: what is new, another one, and gone', async () => {
  const entries = new Map<string, StateEntry>()
  await run(entries, [document('same'), document('other'), document('gone', { tenantId: 'beta' })])
  const acts = await run(entries, [
    document('same'),
    document('other', { after: { name: 'other', command: 'y' } }),
    document('new', { after: { name: 'new', headers: { authorization: 'canary' } } }),
  ])
  const change = { inRegistry: true, whileStopped: true }
  expect(acts).toEqual([
    { action: 'server.replace', object: { tenantId: 'acme', name: 'other' }, server: 'other', change },
    {
      action: 'server.create',
      object: { tenantId: 'acme', name: 'new' },
      server: 'new',
      change: expect.objectContaining(change) as object,
    },
    { action: 'server.remove', object: { tenantId: 'beta', name: 'gone' }, server: 'gone', change },
  ])
  expect(JSON.stringify([...entries.values()]) + JSON.stringify(acts)).not.toContain('canary')
})

test('each edit is recorded once: a gateway that starts after that finds nothing new', async () => {
  const entries = new Map<string, StateEntry>()
  await run(entries, [document('a')])
  expect(await run(entries, [document('b')])).toHaveLength(2)
  expect(await run(entries, [document('b')])).toEqual([])
})

test('what was edited while a gateway ran is known to the next one', async () => {
  const entries = new Map<string, StateEntry>()
  const after = { name: 'a', command: 'y' }
  await run(entries, [document('a')], {
    edits: [document('a', { before: {}, after }), document('rule', { section: 'enhancement_rules' })],
  })
  expect(
    await run(entries, [document('a', { after }), document('rule', { section: 'enhancement_rules' })]),
  ).toEqual([])
})

test('a store that is away at the start delays the comparison', async () => {
  const entries = new Map<string, StateEntry>()
  await run(entries, [document('a')])
  expect(await run(entries, [], { failures: 1 })).toMatchObject([{ action: 'server.remove' }])
})
