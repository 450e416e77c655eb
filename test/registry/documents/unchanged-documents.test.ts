import { expect, test } from '@jest/globals'
import {
  parseSections,
  prepareSections,
  SectionMemory,
  type SnapshotDocuments,
} from '../../../src/registry/documents/parse-sections.ts'
import type { RegistryDocument } from '../../../src/registry/documents/registry-document.ts'
import { emptyDirectory } from '../tenant-directory.ts'

const CONTENT = {
  servers: { a: { transport: 'stdio', command: 'node' } },
  templates: { t: { server: { transport: 'stdio', command: 'node' } } },
  pipelines: { one: { steps: [{ id: 'x', tool: 'a_read' }] }, two: { steps: [{ id: 'x', tool: 'a_read' }] } },
  enhancement_rules: { r: { model: 'm', systemPrompt: 'Be short.' } },
}

/** As a source reads them: other objects each time. */
function read(content: object): SnapshotDocuments {
  const sections = Object.entries(JSON.parse(JSON.stringify(content)) as Record<string, object>)
  const documents = sections.map(([section, entries]) => [
    section,
    Object.entries(entries).map(([id, value]): RegistryDocument => ({ id, value: value as unknown })),
  ])
  return Object.fromEntries(documents) as SnapshotDocuments
}

test('what was checked once is not checked again in any section: unchanged documents stay the same objects', () => {
  const memory = new SectionMemory()
  const snapshotOf = (content: object) =>
    parseSections({
      documents: read(content),
      tenants: emptyDirectory().snapshot,
      defaultTenant: 'local',
      previous: new Map(),
      generation: 1,
      memory,
    }).snapshot
  const first = snapshotOf(CONTENT)
  const edited = { ...CONTENT.pipelines, two: { steps: [{ id: 'y', tool: 'a_read' }] } }
  const second = snapshotOf({ ...CONTENT, pipelines: edited })
  expect(first.quarantined).toEqual([])
  expect(second.servers.get('local/a')).toBe(first.servers.get('local/a'))
  expect(second.templates.get('t')).toBe(first.templates.get('t'))
  expect(second.pipelines.get('one')).toBe(first.pipelines.get('one'))
  expect(second.enhancementRules.get('r')).toBe(first.enhancementRules.get('r'))
  expect(second.pipelines.get('two')?.steps[0]?.id).toBe('y')
})

test.each(['servers', 'templates', 'pipelines', 'enhancement_rules'] as const)(
  'a thousand invalid documents of %s are checked in ten turns or more',
  async (section) => {
    const none = { servers: {}, templates: {}, pipelines: {}, enhancement_rules: {} }
    const invalid = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`d${index}`, { x: 1 }]))
    let turns = 0
    let isOver = false
    const watch = (): void => {
      turns += 1
      if (!isOver) setImmediate(watch)
    }
    setImmediate(watch)
    await prepareSections(read({ ...none, [section]: invalid }), {
      memory: new SectionMemory(),
      defaultTenant: 'local',
    })
    isOver = true
    expect(turns).toBeGreaterThanOrEqual(10)
  },
)

test('a tenant whose document says the same stays the same object when another changes', () => {
  const directory = emptyDirectory()
  const apply = (callsPerDay: number): void =>
    directory.apply([
      { id: 'acme', value: { issuers: [{ issuer: 'https://id.acme.example' }] } },
      { id: 'other', value: { quotas: { callsPerDay } } },
    ])
  apply(1)
  const { byId } = directory.snapshot
  apply(2)
  expect(directory.snapshot.byId.get('acme')).toBe(byId.get('acme'))
  expect(directory.snapshot.byId.get('other')?.quotas).toEqual({ callsPerDay: 2 })
})
