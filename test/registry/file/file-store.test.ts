import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { systemClock } from '../../../src/domain/clock.ts'
import { FileStore } from '../../../src/registry/file/file-store.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-store-'))
  path = join(folder, 'registry.yaml')
})

afterEach(() => rm(folder, { recursive: true }))

const storeOf = (file = path): FileStore =>
  new FileStore({ path: file, defaultTenant: 'local', clock: systemClock })
const text = (file = path): Promise<string> => readFile(file, 'utf8')
const http = (name: string, fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  name,
  tenantId: 'local',
  transport: 'sse',
  url: 'https://x.example.com/',
  ...fields,
})

async function etagOf(store: FileStore, name: string, tenantId = 'local'): Promise<string> {
  return (await store.get(tenantId, name))?.etag ?? 'none'
}

const YAML = `# The registry of the team. Ask Ann.
servers:
  # Files, read only.
  files: { transport: stdio, package: '@modelcontextprotocol/server-filesystem' }
  notes: {transport: sse,   url: "https://notes.example.com/"}   # remote
  last:
    transport: streamable-http
    url: https://last.example.com/mcp
# The end.
`

describe('a write', () => {
  test('of a version that is no longer stored is refused and writes nothing', async () => {
    await writeFile(path, YAML)
    const store = storeOf()
    const etag = await etagOf(store, 'notes')
    const edited = YAML.replace('notes.example.com', 'moved.example.com')
    await writeFile(path, edited)
    await expect(store.replace(http('notes'), etag)).rejects.toMatchObject({ code: 'precondition_failed' })
    await expect(store.remove('local', 'notes', etag)).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(await text()).toBe(edited)
  })

  test('of what is not there, or is there already, is refused', async () => {
    await writeFile(path, YAML)
    const store = storeOf()
    await expect(store.create(http('notes'))).rejects.toMatchObject({ code: 'already_exists' })
    await expect(store.replace(http('nothing'), 'x')).rejects.toMatchObject({ code: 'server_not_found' })
    await expect(store.remove('acme', 'notes', 'x')).rejects.toMatchObject({ code: 'server_not_found' })
    expect(await readdir(folder)).toEqual(['registry.yaml'])
  })

  test('keeps the mode of the file and a symbolic link to it', async () => {
    const target = join(folder, 'real.yaml')
    await writeFile(target, YAML)
    await chmod(target, 0o640)
    await symlink(target, path)
    await storeOf().create(http('fresh'))
    expect((await stat(target)).mode & 0o777).toBe(0o640)
    expect(await text(target)).toContain('fresh:')
    expect((await readdir(folder)).toSorted()).toEqual(['real.yaml', 'registry.yaml'])
  })

  test('of many at once loses none, whoever makes it', async () => {
    await writeFile(path, YAML)
    const stores = [storeOf(), storeOf(), storeOf()]
    const names = Array.from({ length: 24 }, (_, index) => `s${index}`)
    await Promise.all(names.map((name, index) => (stores[index % 3] ?? storeOf()).create(http(name))))
    expect((await storeOf().list()).map(({ name }) => name).toSorted()).toEqual(
      ['files', 'notes', 'last', ...names].toSorted(),
    )
    expect(await readdir(folder)).toEqual(['registry.yaml'])
  })

  test('of one version by several: one wins, the others are told', async () => {
    await writeFile(path, YAML)
    const etag = await etagOf(storeOf(), 'notes')
    const outcomes = await Promise.allSettled(
      [1, 2, 3, 4].map((timeoutMs) => storeOf().replace(http('notes', { timeoutMs }), etag)),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(
      outcomes.filter((outcome) => outcome.status === 'rejected').map(({ reason }) => reason as unknown),
    ).toMatchObject([1, 2, 3].map(() => ({ code: 'precondition_failed' })))
  })

  test('is not stopped for long by the lock of a writer that died', async () => {
    await writeFile(path, YAML)
    await writeFile(`${path}.lock`, '')
    await utimes(`${path}.lock`, 0, 0)
    await storeOf().create(http('fresh'))
    expect(await readdir(folder)).toEqual(['registry.yaml'])
  })

  test('into a file that cannot be understood is refused and leaves it alone', async () => {
    await writeFile(path, 'servers: [')
    await expect(storeOf().create(http('a'))).rejects.toMatchObject({
      code: 'store_unavailable',
      message: expect.stringMatching(/^The registry file cannot be used: line 1/),
    })
    await expect(storeOf().list()).rejects.toMatchObject({ code: 'store_unavailable' })
    expect(await text()).toBe('servers: [')
  })

  test('into a folder that is not there says why', async () => {
    await expect(storeOf(join(folder, 'no', 'registry.yaml')).create(http('a'))).rejects.toMatchObject({
      code: 'store_unavailable',
      message: 'The registry file cannot be written (ENOENT)',
    })
  })

  test('makes several changes at once or none', async () => {
    await writeFile(path, YAML)
    const store = storeOf()
    const changes = [
      { kind: 'create', document: http('fresh') },
      { kind: 'remove', tenantId: 'local', name: 'notes', etag: 'old' },
    ] as const
    await expect(store.apply(changes)).rejects.toMatchObject({ code: 'precondition_failed' })
    expect(await text()).toBe(YAML)
    await store.apply([changes[0], { ...changes[1], etag: await etagOf(store, 'notes') }])
    expect((await store.list()).map(({ name }) => name)).toEqual(['files', 'last', 'fresh'])
  })
})
