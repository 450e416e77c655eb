import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import { EMPTY_SNAPSHOT, type Snapshot } from '../../src/domain/snapshot.ts'
import { CombinedSource } from '../../src/registry/combined-source.ts'
import { parseRegistry } from '../../src/registry/documents/parse.ts'
import type { RegistryDocument } from '../../src/registry/documents/registry-document.ts'
import type { TenantDirectory } from '../../src/registry/tenants.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { emptyDirectory } from './tenant-directory.ts'

const HTTP = { transport: 'http', instances: [{ url: 'http://10.0.0.1/mcp' }] }

let directory: TenantDirectory
let source: CombinedSource
let snapshots: Snapshot[]
let setMain: (servers: Record<string, unknown>) => void
let setFound: (documents: readonly RegistryDocument[]) => void
let closed: string[]

beforeEach(async () => {
  directory = emptyDirectory()
  snapshots = []
  closed = []
  source = new CombinedSource({
    main: {
      start: (onSnapshot) => {
        setMain = (servers) => {
          const documents = Object.entries(servers).map(([id, value]) => ({ id, value }))
          const { snapshot } = parseRegistry({
            documents,
            defaultTenant: 'local',
            previous: new Map(),
            generation: 7,
          })
          onSnapshot({ ...EMPTY_SNAPSHOT, ...snapshot })
        }
        return Promise.resolve()
      },
      caughtUp: () => Promise.resolve(),
      close: () => Promise.resolve(void closed.push('main')),
    },
    discovery: {
      start: (onDocuments) => (setFound = onDocuments),
      close: () => void closed.push('discovery'),
    },
    directory,
    defaultTenant: 'local',
    logger: silentLogger,
  })
  await source.start((snapshot) => snapshots.push(snapshot))
})

afterEach(() => source.close())

const found = (name: string, fields: object = {}): RegistryDocument => ({
  id: `kubernetes/a/${name}`,
  value: { name, tenantId: 'local', ...HTTP, ...fields },
})
const last = (): Snapshot => snapshots.at(-1) ?? EMPTY_SNAPSHOT
const servers = (): string => [...last().servers.keys()].join(' ')

test('nothing is there before the registry; then both are, each change a new generation', () => {
  setFound([found('b')])
  expect(snapshots).toEqual([])
  setMain({ a: HTTP })
  expect([servers(), last().generation]).toEqual(['local/a local/b', 1])
  setFound([found('b')])
  expect(snapshots).toHaveLength(1)
  setFound([found('b'), found('c')])
  expect([servers(), last().generation]).toEqual(['local/a local/b local/c', 2])
  setMain({})
  expect([servers(), last().generation]).toEqual(['local/b local/c', 3])
  setFound([])
  expect([servers(), last().generation]).toEqual(['', 4])
})

test.each<[string, object, object]>([
  ['of the same tenant', {}, {}],
  ['of a tenant, where the registry has it for all', {}, { tenantId: '*' }],
  ['for all tenants, where the registry has it for one', { tenantId: '*' }, { tenantId: 'acme' }],
  ['where the registry has it in quarantine', {}, { transport: 'pigeon' }],
  ['where the registry has it disabled', {}, { enabled: false }],
])('a name that the registry has stays the registry’s: %s', (_case, fields, own) => {
  setMain({ a: { ...HTTP, description: 'mine', ...own } })
  setFound([found('a', fields), found('b')])
  const descriptions = [...last().servers.values()].map(({ name, description }: ServerDefinition) => [
    name,
    description,
  ])
  expect(descriptions.filter(([name]) => name === 'a')).toEqual('transport' in own ? [] : [['a', 'mine']])
  expect(last().servers.has('local/b')).toBe(true)
  expect(last().quarantined).toContainEqual(
    expect.objectContaining({
      name: 'a',
      reason: 'name: a is already taken by the registry',
      lastGoodServes: false,
    }),
  )
  setMain({})
  expect(servers().split(' ')).toHaveLength(2)
})

test('a discovered server of a name that another tenant has is its own', () => {
  setMain({ a: { ...HTTP, tenantId: 'acme' } })
  setFound([found('a')])
  expect([servers(), last().quarantined]).toEqual(['acme/a local/a', []])
})

test('a document with problems hurts no other; its last good one serves on unless it is to be hidden', () => {
  setMain({})
  setFound([found('a'), found('b')])
  const problems = ['annotation tool-gateway/port: wrong']
  const value = { name: 'a', tenantId: 'local', requiredRoles: ['x'] }
  setFound([{ id: 'kubernetes/a/a', value, problems, isHidden: false }, found('b')])
  expect(servers()).toBe('local/a local/b')
  expect(last().servers.get('local/a')).toMatchObject({
    ...HTTP,
    instances: [{ weight: 1 }],
    requiredRoles: ['x'],
  })
  expect(last().quarantined).toMatchObject([{ name: 'a', reason: problems[0], lastGoodServes: true }])
  setFound([{ id: 'kubernetes/a/a', value, problems, isHidden: true }, found('b')])
  expect(servers()).toBe('local/b')
  expect(last().quarantined).toMatchObject([{ name: 'a', tenantId: 'local', lastGoodServes: false }])
})

test('a server of a tenant that there is not any more goes, and comes with the tenant', () => {
  setMain({})
  setFound([found('a', { tenantId: 'acme' })])
  directory.apply([{ id: 'globex', value: {} }])
  expect(servers()).toBe('')
  expect(last().quarantined).toMatchObject([{ reason: 'tenantId: there is no tenant acme' }])
  directory.apply([{ id: 'acme', value: {} }])
  expect(servers()).toBe('acme/a')
})

test('both are closed', async () => {
  await source.close()
  expect(closed).toEqual(['discovery', 'main'])
  directory.apply([{ id: 'acme', value: {} }])
  expect(snapshots).toEqual([])
})

test('a defect found while adding what was discovered ends nothing, and shows as stale until it is over', () => {
  setMain({ a: HTTP })
  setFound([undefined as unknown as RegistryDocument])
  expect(source.isStale).toBe(true)
  setFound([{ id: 'b', value: HTTP }])
  expect(source.isStale).toBe(false)
  expect([...(snapshots.at(-1)?.servers.keys() ?? [])]).toEqual(['local/a', 'local/b'])
})
