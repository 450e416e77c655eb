import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { systemClock } from '../../../src/domain/clock.ts'
import { FileStore } from '../../../src/registry/file/file-store.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-room-'))
  path = join(folder, 'registry.yaml')
})

afterEach(() => rm(folder, { recursive: true }))

const storeOf = (options: { isShared?: boolean; section?: 'pipelines' } = {}): FileStore =>
  new FileStore({ path, defaultTenant: 'local', clock: systemClock, ...options })
const text = (): Promise<string> => readFile(path, 'utf8')
const large = (name: string, tenantId: string, bytes = 900_000): Record<string, unknown> => ({
  name,
  tenantId,
  transport: 'sse',
  url: 'https://x.example.com/',
  description: 'x'.repeat(bytes),
})

describe('the registry file', () => {
  test('does not become larger than a gateway reads: the write is refused and writes nothing', async () => {
    const before = `servers: {}\n# ${'x'.repeat(4_193_000)}\n`
    await writeFile(path, before)
    await expect(storeOf().create(large('a', 'local', 2000))).rejects.toMatchObject({
      code: 'payload_too_large',
      message: 'The registry file would have 4195086 bytes; it may have 4194304',
    })
    expect(await text()).toBe(before)
    await storeOf().create(large('a', 'local', 200))
    expect((await stat(path)).size).toBeLessThanOrEqual(4_194_304)
  })

  test('can be made smaller when it is too large, and not larger', async () => {
    const entry = `transport: sse, url: https://x.example.com/, description: ${'x'.repeat(2_200_000)}`
    await writeFile(path, `servers:\n  a: {${entry}}\n  b: {${entry}}\n`)
    const store = storeOf({ isShared: true })
    await expect(store.create(large('c', 'other', 1))).rejects.toMatchObject({ code: 'payload_too_large' })
    await store.remove('local', 'a', (await store.get('local', 'a'))?.etag ?? '')
    expect((await store.list()).map(({ name }) => name)).toEqual(['b'])
    expect((await stat(path)).size).toBeLessThan(2_300_000)
  })
})

describe('a tenant', () => {
  test('takes at most half of what the others leave, with all sections', async () => {
    const store = storeOf({ isShared: true })
    await store.create(large('one', 'a'))
    await storeOf({ isShared: true, section: 'pipelines' }).create(large('two', 'a'))
    const before = await text()
    const refused = store.create(large('three', 'a'))
    await expect(refused).rejects.toMatchObject({
      code: 'payload_too_large',
      message:
        'The documents of the tenant would take 2700246 bytes of the registry file, each value counting at least 32; they may take 2097152',
    })
    expect(await text()).toBe(before)
    await store.create(large('three', 'b'))
    await expect(store.create(large('four', 'b'))).rejects.toMatchObject({
      message: expect.stringMatching(/; they may take 1197070$/),
    })
  })

  test('takes more than the text of its documents when they have many short values', async () => {
    const store = storeOf({ isShared: true })
    const values = (name: string) => ({ ...large(name, 'a', 0), values: Array(40_000).fill(0) })
    await store.create(values('one'))
    await expect(store.create(values('two'))).rejects.toMatchObject({ code: 'payload_too_large' })
  })

  test('that has too much keeps it, and may take less', async () => {
    const store = storeOf({ isShared: true })
    await storeOf().apply([
      { kind: 'create', document: large('one', 'a', 2_000_000) },
      { kind: 'create', document: large('two', 'a', 1_000_000) },
    ])
    const etag = (await store.get('a', 'two'))?.etag ?? ''
    const { etag: smaller } = await store.replace(large('two', 'a', 900_000), etag)
    await expect(store.replace(large('two', 'a', 950_000), smaller)).rejects.toMatchObject({
      code: 'payload_too_large',
    })
    await store.remove('a', 'one', (await store.get('a', 'one'))?.etag ?? '')
    expect((await store.list()).map(({ name }) => name)).toEqual(['two'])
  })
})
