import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import type { Snapshot } from '../../src/domain/snapshot.ts'
import { FileSource } from '../../src/registry/file/file-source.ts'
import { eventually } from '../support/eventually.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { emptyDirectory } from './tenant-directory.ts'

const STDIO = { transport: 'stdio', command: 'node' }

let folder: string
let clock: FakeClock
let source: FileSource
let snapshots: Snapshot[]
let log: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-removals-'))
  clock = new FakeClock()
  snapshots = []
  log = []
  source = sourceOf()
})

afterEach(async () => {
  await source.close()
  await rm(folder, { recursive: true })
})

function sourceOf(): FileSource {
  return new FileSource({
    path: join(folder, 'registry.yaml'),
    defaultTenant: 'local',
    directory: emptyDirectory([], () => tenants()),
    clock,
    logger: pino({ level: 'trace' }, { write: (line: string) => void log.push(line) }),
  })
}

const tenants = (): string[] =>
  [...(snapshots.at(-1)?.servers.values() ?? [])].map(({ tenantId }) => tenantId)
const servers = (): string => [...(snapshots.at(-1)?.servers.keys() ?? [])].toSorted().join(' ')
const documents = (...names: string[]): object => Object.fromEntries(names.map((name) => [name, STDIO]))

async function write(content: object): Promise<void> {
  await writeFile(join(folder, 'registry.yaml'), JSON.stringify(content))
}

async function start(content: object): Promise<void> {
  await write(content)
  await source.start((snapshot) => snapshots.push(snapshot))
}

/** Replaces the file, and lets the source take it over. */
async function edit(content: object): Promise<void> {
  await write(content)
  await source.caughtUp()
}

describe('a file that loses most of its servers at once', () => {
  const few = { servers: documents('d') }
  beforeEach(async () => {
    await start({ servers: documents('a', 'b', 'c', 'd') })
    await edit(few)
  })

  test('keeps them, and says so with the way to confirm it', () => {
    expect(servers()).toBe('local/a local/b local/c local/d')
    expect(source.status.held).toBe(3)
    const [held] = snapshots.at(-1)?.quarantined ?? []
    expect(held).toMatchObject({ id: 'a', name: 'a', tenantId: 'local', lastGoodServes: true })
    expect(held?.reason).toMatch(
      /^removed together with many others; held back until 2026-01-01T00:10:00\.000Z, or until the file has `confirm: \[removal-[0-9a-f]{12}\]`$/,
    )
    expect(log.join('')).toContain('the removal of 3 documents at once is held back; confirm it with')
  })

  test('loses them when it confirms that', async () => {
    const id = /confirm: \[(removal-\w+)\]/.exec(snapshots.at(-1)?.quarantined[0]?.reason ?? '')?.[1]
    await edit({ ...few, confirm: [id] })
    expect(servers()).toBe('local/d')
    expect(source.status.held).toBe(0)
  })

  test('loses them after ten minutes, without another edit', async () => {
    await clock.advance(599_000)
    expect(source.status.held).toBe(3)
    await eventually(async () => {
      await clock.advance(1000)
      return servers() === 'local/d'
    })
    expect(source.status.held).toBe(0)
  })

  test('holds none of them that comes back, and takes every other edit at once', async () => {
    await edit({ servers: { ...documents('a', 'e'), d: { ...STDIO, enabled: false } } })
    expect(servers()).toBe('local/a local/b local/c local/d local/e')
    expect(snapshots.at(-1)?.servers.get('local/d')?.enabled).toBe(false)
    expect(source.status.held).toBe(2)
  })

  test('is taken as it is by a gateway that starts', async () => {
    await source.close()
    source = sourceOf()
    await source.start((snapshot) => snapshots.push(snapshot))
    expect(servers()).toBe('local/d')
  })
})

test('the registry of somebody with two servers follows every edit at once', async () => {
  await start({ servers: documents('a', 'b') })
  await edit({ servers: documents('c') })
  expect(servers()).toBe('local/c')
  await edit({ servers: {} })
  expect(servers()).toBe('')
})

test('servers that move to another key or section are not removed', async () => {
  await start({ mcpServers: { a: { command: 'a' }, b: { command: 'b' }, c: { command: 'c' } } })
  await edit({ servers: { x: { ...STDIO, name: 'a' }, b: STDIO, c: STDIO } })
  expect(source.status.held).toBe(0)
  expect(servers()).toBe('local/a local/b local/c')
  expect(snapshots.at(-1)?.quarantined).toEqual([])
})

test('other documents that vanish at once are held, too', async () => {
  const templates = Object.fromEntries(['t', 'u', 'v'].map((name) => [name, { server: { ...STDIO } }]))
  await start({ servers: { a: { transport: 'template', templateName: 't' } }, templates })
  await edit({ servers: { a: { transport: 'template', templateName: 't' } } })
  expect(servers()).toBe('local/a')
  expect(source.status.held).toBe(3)
  expect(snapshots.at(-1)?.quarantined[0]).toMatchObject({ id: 'templates/t', lastGoodServes: true })
})

describe('the first tenant of a file', () => {
  const acme = { a: { ...STDIO, tenantId: 'acme' } }
  beforeEach(async () => {
    await start({ servers: acme })
    await edit({ servers: acme, tenants: { globex: {} } })
  })

  test('refuses no server of a tenant that served before, and says what to do', () => {
    expect(servers()).toBe('acme/a')
    expect(snapshots.at(-1)?.quarantined).toEqual([
      {
        id: 'tenants/acme',
        name: 'tenants/acme',
        tenantId: 'acme',
        reason:
          'this tenant has no document. Its servers stay in use, because they were in use before the first tenant was added: add a document, or write `confirm: [tenants]` into the registry file to refuse it',
        lastGoodServes: true,
      },
    ])
  })

  test('refuses those of tenants that come later', async () => {
    await edit({ servers: { ...acme, b: { ...STDIO, tenantId: 'initech' } }, tenants: { globex: {} } })
    expect(servers()).toBe('acme/a')
  })

  test('refuses those of a tenant that was listed and is no more', async () => {
    await edit({ servers: acme, tenants: { globex: {}, acme: {} } })
    expect(snapshots.at(-1)?.quarantined).toEqual([])
    await edit({ servers: acme, tenants: { globex: {} } })
    expect(servers()).toBe('')
  })

  test('refuses them when the file confirms that', async () => {
    await edit({ servers: acme, tenants: { globex: {} }, confirm: ['tenants'] })
    expect(servers()).toBe('')
    expect(snapshots.at(-1)?.quarantined).toMatchObject([
      { id: 'a', reason: 'tenantId: there is no tenant acme' },
    ])
  })
})

test('of an edit only what it changes is checked again: everything else is the same object', async () => {
  await start({ servers: documents('a', 'b') })
  const before = snapshots.at(-1)
  await edit({ servers: { ...documents('a', 'b'), b: { ...STDIO, description: 'new' } } })
  const after = snapshots.at(-1)
  expect(after?.servers.get('local/a')).toBe(before?.servers.get('local/a'))
  expect(after?.servers.get('local/b')).not.toBe(before?.servers.get('local/b'))
})

test('a write that is known to be whole is in force once it was waited for, without any time passing', async () => {
  await start({ servers: documents('a') })
  await Promise.all([edit({ servers: documents('a', 'b') }), source.caughtUp()])
  expect(servers()).toBe('local/a local/b')
})
