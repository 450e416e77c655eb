import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { writeExampleRegistry } from '../../../src/registry/file/example-registry.ts'
import { parseRegistry } from '../../../src/registry/documents/parse.ts'
import { readRegistryText } from '../../../src/registry/file/registry-text.ts'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'example-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

function snapshotOf(text: string): ReturnType<typeof parseRegistry>['snapshot'] {
  const read = readRegistryText(text)
  if ('problem' in read) throw new Error(read.problem)
  expect(read.notes).toEqual([])
  return parseRegistry({
    documents: read.documents,
    defaultTenant: 'local',
    previous: new Map(),
    generation: 1,
  }).snapshot
}

test('an example with three servers for readers is written, and understood', async () => {
  const data = join(folder, 'da: ta"#')
  const path = join(data, 'registry.yaml')
  expect(await writeExampleRegistry(path, { filesFolder: join(data, 'files') })).toBe(true)
  const { servers, quarantined } = snapshotOf(await readFile(path, 'utf8'))
  expect(quarantined).toEqual([])
  expect([...servers.values()]).toMatchObject([
    {
      name: 'filesystem',
      tenantId: 'local',
      package: '@modelcontextprotocol/server-filesystem',
      args: [join(data, 'files')],
      requiredRoles: ['reader'],
    },
    {
      name: 'memory',
      package: '@modelcontextprotocol/server-memory',
      env: { MEMORY_FILE_PATH: join(data, 'memory.jsonl') },
      requiredRoles: ['reader'],
    },
    {
      name: 'everything',
      package: '@modelcontextprotocol/server-everything',
      args: ['stdio'],
      requiredRoles: ['reader'],
    },
  ])
  expect(await readFile(join(data, 'files', 'hello.txt'), 'utf8')).toBe('Hello from behind the gateway.\n')
})

test('what is commented out is valid once it is not', async () => {
  const path = join(folder, 'registry.yaml')
  await writeExampleRegistry(path, { filesFolder: join(folder, 'files') })
  // Prose has one space after its #, what can be uncommented has none or several.
  const text = (await readFile(path, 'utf8')).replace(/^( *)#(?! \S)/gm, '$1')
  const { servers, quarantined } = snapshotOf(text)
  expect(quarantined).toEqual([])
  expect([...servers.keys()]).toEqual([
    'local/filesystem',
    'local/memory',
    'acme/everything',
    'local/remote',
    'local/fetch',
  ])
})

test('only the owner may read what is written', async () => {
  const path = join(folder, 'data', 'registry.yaml')
  await writeExampleRegistry(path, { filesFolder: join(folder, 'data', 'files') })
  const modes = await Promise.all(
    [path, join(folder, 'data'), join(folder, 'data', 'files')].map(
      async (each) => (await stat(each)).mode & 0o777,
    ),
  )
  expect(modes).toEqual([0o600, 0o700, 0o700])
})

test('a file that exists is left as it is', async () => {
  const path = join(folder, 'registry.yaml')
  await writeFile(path, 'mine')
  expect(await writeExampleRegistry(path, { filesFolder: join(folder, 'files') })).toBe(false)
  expect(await readFile(path, 'utf8')).toBe('mine')
  await expect(stat(join(folder, 'files'))).rejects.toMatchObject({ code: 'ENOENT' })
})

test('a folder that cannot be made is an error', async () => {
  await writeFile(join(folder, 'file'), '')
  await expect(
    writeExampleRegistry(join(folder, 'file', 'registry.yaml'), { filesFolder: join(folder, 'files') }),
  ).rejects.toMatchObject({ code: 'EEXIST' })
  await expect(writeExampleRegistry(`${folder}/a\0b`, { filesFolder: folder })).rejects.toThrow(/null bytes/)
})
