import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { systemClock } from '../../../src/domain/clock.ts'
import { FileStore } from '../../../src/registry/file/file-store.ts'
import { RegistryFile } from '../../../src/registry/file/registry-file.ts'
import { readRegistryText } from '../../../src/registry/file/registry-text.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'registry-file-'))
  path = join(folder, 'registry.yaml')
})

afterEach(() => rm(folder, { recursive: true }))

const storeOf = (): FileStore => new FileStore({ path, defaultTenant: 'local', clock: systemClock })
const http = (name: string): Record<string, unknown> => ({
  name,
  tenantId: 'local',
  transport: 'sse',
  url: 'https://x.example.com/',
})
/** More than is read or edited on the event loop. */
const entries = (count: number): string =>
  Array.from(
    { length: count },
    (_, at) => `  s${at}: { transport: sse, url: "https://x.example.com/" }\n`,
  ).join('')

describe('a registry file', () => {
  test('is parsed once for as long as it says the same', async () => {
    await writeFile(path, 'servers:\n  a: { transport: sse, url: "https://a.example.com/" }\n')
    const store = storeOf()
    const first = await store.get('local', 'a')
    const again = await Promise.all([store.get('local', 'a'), store.get('local', 'a')])
    expect(again.every((stored) => stored === first)).toBe(true)
    expect((await store.list())[0]).toBe(first)
    await writeFile(path, 'servers:\n  a: { transport: sse, url: "https://b.example.com/" }\n')
    expect((await store.get('local', 'a'))?.document['url']).toBe('https://b.example.com/')
  })

  test('is read again for who asks after a write, and once for all who wait', async () => {
    const file = new RegistryFile(path)
    await writeFile(path, 'servers: {}\n')
    const early = file.now()
    const versions = [file.now(), file.now(), file.now()]
    expect(new Set(versions).size).toBe(1)
    expect(await early).toMatchObject({ text: 'servers: {}\n' })
    await Promise.all(versions)
    await writeFile(path, 'servers: { a: {} }\n')
    expect(await file.now()).toMatchObject({ text: 'servers: { a: {} }\n' })
  })

  test('keeps what it said when a change is refused', async () => {
    await writeFile(path, 'servers:\n  a: { transport: sse, url: "https://a.example.com/" }\n')
    const store = storeOf()
    const changes = [
      { kind: 'create', document: http('b') },
      { kind: 'remove', tenantId: 'local', name: 'a', etag: 'old' },
    ] as const
    await store.list()
    await expect(store.apply(changes)).rejects.toMatchObject({ code: 'precondition_failed' })
    expect((await store.list()).map(({ name }) => name)).toEqual(['a'])
  })

  test('that is large is read and edited while the event loop turns', async () => {
    await writeFile(path, `servers:\n${entries(1500)}`)
    const store = storeOf()
    let turns = 0
    let next = setImmediate(function turn() {
      turns += 1
      next = setImmediate(turn)
    })
    await store.create(http('fresh'))
    clearImmediate(next)
    expect(turns).toBeGreaterThan(500)
    expect(await readFile(path, 'utf8')).toBe(
      `servers:\n${entries(1500)}  fresh:\n    transport: sse\n    url: https://x.example.com/\n`,
    )
    expect(await store.list()).toHaveLength(1501)
  })
})

test.each([
  ['in a block', 'servers:\n  a: {}\n  b: {}\n  a: {}\n', 'line 4, column 3: duplicate key'],
  ['in a flow', 'servers: { a: { x: 1, y: 2, "x": 3 } }\n', 'line 1, column 29: duplicate key'],
  ['in a list', 'servers:\n  a:\n    l:\n      - 1: a\n        1: b\n', 'line 5, column 9: duplicate key'],
  ['of the file', 'servers: {}\nservers: {}\n', 'line 2, column 1: duplicate key'],
])('a key that is there twice %s is refused, with its place', async (_, text, problem) => {
  expect(readRegistryText(text)).toEqual({ problem })
  await writeFile(path, text)
  await expect(storeOf().create(http('fresh'))).rejects.toMatchObject({
    message: `The registry file cannot be used: ${problem}`,
  })
})
