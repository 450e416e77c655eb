import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import { FileSource } from '../../src/registry/file/file-source.ts'
import type { TenantDirectory } from '../../src/registry/tenants.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { emptyDirectory } from './tenant-directory.ts'

const STDIO = { transport: 'stdio', command: 'node' }
const STEPS = [{ id: 'read', tool: 'a_read' }]
const ISSUER = 'https://id.acme.example'

let folder: string
let clock: FakeClock
let directory: TenantDirectory
let source: FileSource
let snapshots: Snapshot[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-sections-'))
  clock = new FakeClock()
  directory = emptyDirectory()
  snapshots = []
  source = new FileSource({
    path: join(folder, 'registry.yaml'),
    defaultTenant: 'local',
    directory,
    clock,
    logger: silentLogger,
  })
})

afterEach(async () => {
  await source.close()
  await rm(folder, { recursive: true })
})

async function start(content: unknown): Promise<void> {
  await write(content)
  await source.start((snapshot) => snapshots.push(snapshot))
}

async function write(content: unknown): Promise<void> {
  await writeFile(
    join(folder, 'registry.yaml'),
    typeof content === 'string' ? content : JSON.stringify(content),
  )
}

/** Replaces the file and lets the source look until a condition holds. */
async function edit(content: unknown, condition: () => boolean): Promise<void> {
  await write(content)
  await eventually(async () => {
    await clock.advance(200)
    return condition()
  })
}

const last = (): Snapshot | undefined => snapshots.at(-1)
const servers = (): string => [...(last()?.servers.keys() ?? [])].toSorted().join(' ')
const issuers = (): string[] =>
  [...directory.snapshot.byId.values()].flatMap((tenant) => tenant.issuers.map(({ issuer }) => issuer))

describe('the tenants of a file', () => {
  test('are there with the first snapshot, and follow edits without one', async () => {
    await start({ servers: { a: STDIO }, tenants: { acme: { issuers: [{ issuer: ISSUER }] } } })
    expect(directory.snapshot.byId.get('acme')).toMatchObject({
      issuers: [{ issuer: ISSUER, tenants: ['acme'], audience: 'gateway' }],
      trustAgentHeader: false,
      quotas: {},
    })
    const quotas = { callsPerMinute: 5 }
    await edit(
      { servers: { a: STDIO }, tenants: { acme: { trustAgentHeader: true, quotas } } },
      () => directory.snapshot.byId.get('acme')?.trustAgentHeader === true,
    )
    expect(issuers()).toEqual([])
    expect(directory.snapshot.byId.get('acme')?.quotas).toEqual({ callsPerMinute: 5 })
    expect(snapshots).toHaveLength(1)
  })

  test('leave no other tenant its servers, but the one of documents that name none', async () => {
    const documents = {
      mine: STDIO,
      named: { ...STDIO, tenantId: 'local' },
      shared: { ...STDIO, tenantId: '*' },
      'of-acme': { ...STDIO, tenantId: 'acme' },
      'of-globex': { ...STDIO, tenantId: 'globex' },
    }
    const mcpServers = { desktop: { command: 'x' } }
    await start({ servers: documents, mcpServers })
    expect(servers()).toBe('*/shared acme/of-acme globex/of-globex local/desktop local/mine local/named')
    await edit({ servers: documents, mcpServers, tenants: { acme: {} } }, () => snapshots.length === 2)
    expect(servers()).toBe('*/shared acme/of-acme local/desktop local/mine local/named')
    expect(last()?.quarantined).toEqual([
      {
        id: 'of-globex',
        name: 'of-globex',
        tenantId: 'globex',
        reason: 'tenantId: there is no tenant globex',
        lastGoodServes: false,
      },
    ])
    await edit({ servers: documents, mcpServers }, () => snapshots.length === 3)
    expect(servers()).toContain('globex/of-globex')
    expect(last()?.quarantined).toEqual([])
  })

  test('stay as they were where the name of their section is misspelled', async () => {
    const tenants = { acme: { enabled: false, quotas: { callsPerMinute: 5 } } }
    const ofAcme = { ...STDIO, tenantId: 'acme' }
    await start({ servers: { a: STDIO, b: ofAcme }, tenants })
    expect(servers()).toBe('local/a')
    await edit(
      { servers: { a: STDIO, b: ofAcme, c: STDIO }, tenant: tenants },
      () => servers() === 'local/a local/c',
    )
    expect(directory.snapshot.byId.get('acme')).toMatchObject({
      isDisabled: true,
      quotas: { callsPerMinute: 5 },
    })
    expect(last()?.quarantined).toContainEqual({
      id: 'tenants:',
      name: 'tenants:',
      tenantId: 'local',
      reason: 'missing, but an unknown section has almost this name; write `tenants: {}` to have none',
      lastGoodServes: true,
    })
  })

  test('that are not valid are quarantined with the reason, and hurt no server', async () => {
    await start({
      servers: { a: STDIO, b: { ...STDIO, tenantId: 'acme' } },
      tenants: {
        acme: { issuers: [{ issuer: ISSUER }, { issuer: 'ftp://x' }], quotas: { calls: 1 } },
        'Not One': {},
      },
    })
    expect(servers()).toBe('acme/b local/a')
    expect(issuers()).toEqual([ISSUER])
    expect(last()?.quarantined).toEqual([
      {
        id: 'tenants/acme',
        name: 'tenants/acme',
        tenantId: 'acme',
        reason: expect.stringMatching(
          /^issuers\[1\]\.issuer: .*; quotas: unknown field "calls", did you mean "callsPerMinute"\?$/,
        ),
        lastGoodServes: true,
      },
      {
        id: 'tenants/Not One',
        name: 'tenants/Not One',
        tenantId: undefined,
        reason: expect.stringMatching(/^the document id is not a valid tenant id/),
        lastGoodServes: false,
      },
    ])
  })

  test.each([
    ['has no value', 'tenants:\n', 'no value; write `tenants: {}` to have none'],
    ['is no map', 'tenants: [acme]\n', 'expected a map from id to document'],
  ])(
    'stay as they were while the section %s, and the servers follow the file',
    async (_case, text, reason) => {
      const tenants = { acme: { issuers: [{ issuer: ISSUER }] } }
      await start({ servers: { a: { ...STDIO, tenantId: 'acme' } }, tenants })
      const file = `servers: {b: {transport: stdio, command: x, tenantId: globex}, c: {transport: stdio, command: x}}\n${text}`
      await edit(file, () => snapshots.length === 2)
      expect(servers()).toBe('local/c')
      expect(issuers()).toEqual([ISSUER])
      expect(last()?.quarantined).toMatchObject([
        { id: 'b' },
        { id: 'tenants:', tenantId: 'local', reason, lastGoodServes: true },
      ])
      await edit({ servers: {}, tenants }, () => snapshots.length === 3)
      expect(last()?.quarantined).toEqual([])
    },
  )

  test('stay as they were while the file cannot be read at all', async () => {
    await start({ servers: { a: STDIO }, tenants: { acme: { issuers: [{ issuer: ISSUER }] } } })
    await edit('servers: [', () => snapshots.length === 2)
    expect(issuers()).toEqual([ISSUER])
  })
})

describe('templates and pipelines of a file', () => {
  test('are in the snapshot as they are written, with name and tenant; a change is a new generation', async () => {
    const template = {
      configSchema: { properties: { program: { type: 'string' } } },
      server: { transport: 'stdio', command: 'run', args: ['${config.program}'] },
    }
    const content = {
      servers: {},
      templates: { tools: template },
      pipelines: { digest: { tenantId: 'acme', name: 'daily-digest', steps: STEPS } },
    }
    await start(content)
    expect(Object.fromEntries(last()?.templates ?? [])).toEqual({
      tools: { name: 'tools', tenantId: '*', ...template },
    })
    expect(Object.fromEntries(last()?.pipelines ?? [])).toMatchObject({
      digest: { tenantId: 'acme', name: 'daily-digest', steps: STEPS },
    })
    await edit({ ...content, templates: {} }, () => snapshots.length === 2)
    expect(last()?.generation).toBe(2)
    expect(last()?.templates.size).toBe(0)
    await edit(
      { ...content, templates: {}, pipelines: { p: { steps: STEPS } } },
      () => snapshots.length === 3,
    )
    expect([...(last()?.pipelines.keys() ?? [])]).toEqual(['p'])
  })

  test('that are refused hurt nothing else; a section that cannot be used leaves them as they were', async () => {
    await start({
      servers: { a: STDIO },
      templates: { good: { server: STDIO }, Bad: {} },
      pipelines: { p: 5 },
    })
    expect([servers(), [...(last()?.templates.keys() ?? [])]]).toEqual(['local/a', ['good']])
    expect(last()?.quarantined).toEqual([
      {
        id: 'templates/Bad',
        name: 'templates/Bad',
        tenantId: '*',
        reason:
          'name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter',
        lastGoodServes: false,
      },
      {
        id: 'pipelines/p',
        name: 'pipelines/p',
        tenantId: 'local',
        reason: 'expected object',
        lastGoodServes: false,
      },
    ])
    await edit({ servers: { a: STDIO }, templates: [], pipelines: {} }, () => snapshots.length === 2)
    expect([...(last()?.templates.keys() ?? [])]).toEqual(['good'])
    expect(last()?.quarantined).toMatchObject([
      { id: 'templates/Bad' },
      { id: 'templates:', reason: 'expected a map from id to document', lastGoodServes: true },
    ])
  })
})

describe('a part of the gateway that cannot follow', () => {
  test('the tenants keeps no edit of the servers from its effect, and shows as stale until it can', async () => {
    let isBroken = true
    directory.onChange(() => {
      if (isBroken) throw new Error('broken')
    })
    await start({ servers: { a: STDIO }, tenants: { acme: {} } })
    expect(snapshots).toHaveLength(1)
    expect(source.status.state).toBe('stale')
    isBroken = false
    await edit({ servers: { a: STDIO, b: STDIO }, tenants: { acme: {} } }, () => snapshots.length === 2)
    expect(source.status.state).toBe('live')
  })

  test('a snapshot keeps the gateway neither from starting nor from the next edit', async () => {
    const taken: number[] = []
    await write({ servers: { a: STDIO } })
    await source.start((snapshot) => {
      taken.push(snapshot.servers.size)
      if (snapshot.servers.size === 1) throw new Error('broken')
    })
    expect(source.status.state).toBe('stale')
    await edit({ servers: { a: STDIO, b: STDIO } }, () => taken.length === 2)
    expect(source.status).toEqual({ state: 'live', ageMs: 0, held: 0 })
  })
})

test('a file that cannot be used is stale, for as long as it is so', async () => {
  await start({ servers: { a: STDIO } })
  await edit('servers: [', () => snapshots.length === 2)
  expect(source.status.state).toBe('stale')
  await clock.advance(5000)
  expect(source.status.ageMs).toBeGreaterThanOrEqual(5000)
  await edit({ servers: { a: STDIO } }, () => snapshots.length === 3)
  expect(source.status.state).toBe('live')
})
