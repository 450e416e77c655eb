import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { nodeModulesOf, packageCommand } from '../../../src/upstream/connection/package-command.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { Connecting } from './connecting.ts'

let folder = ''
const connecting = new Connecting()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'packages-'))
})
afterAll(async () => {
  await connecting.closeAll()
  await rm(folder, { recursive: true })
})

async function install(name: string, manifest: unknown): Promise<void> {
  await mkdir(join(folder, name), { recursive: true })
  await writeFile(
    join(folder, name, 'package.json'),
    typeof manifest === 'string' ? manifest : JSON.stringify(manifest),
  )
}

describe('the program of a package', () => {
  test.each([
    ['is its only one', 'only', { bin: 'dist/a.js' }, 'dist/a.js'],
    ['is its only one, under any name', '@scope/named', { bin: { other: './b.js' } }, 'b.js'],
    [
      'is the one of its own name among several',
      '@scope/several',
      { bin: { x: 'x.js', several: 's.js' } },
      's.js',
    ],
  ])('%s', async (_what, name, manifest, path) => {
    await install(name, manifest)
    expect(await packageCommand(name, ['/nowhere', folder])).toEqual({
      command: process.execPath,
      args: [join(folder, name, path)],
    })
  })

  test.each([
    ['no program', 'none', {}, 'the package none has no program to run'],
    [
      'several of other names',
      'unclear',
      { bin: { a: 'a.js', b: 'b.js' } },
      'the package unclear has no program to run',
    ],
    [
      'one outside of it',
      'outside',
      { bin: '../../x.js' },
      'the program of the package outside lies outside of it',
    ],
    ['a broken manifest', 'broken', '{', 'the package broken is not installed'],
  ])('is refused when there is %s', async (_what, name, manifest, message) => {
    await install(name, manifest)
    await expect(packageCommand(name, [folder])).rejects.toThrow(message)
  })
})

test('the folders of packages are found upwards, nearest first', async () => {
  const inner = join(folder, 'a', 'b')
  await mkdir(join(inner, 'node_modules'), { recursive: true })
  await mkdir(join(folder, 'node_modules'))
  const found = await nodeModulesOf(inner)
  expect(found.slice(0, 2)).toEqual([join(inner, 'node_modules'), join(folder, 'node_modules')])
})

test('a server is run from a package that the gateway has', async () => {
  const server = definitionOf({ transport: 'stdio', package: '@modelcontextprotocol/server-memory' })
  const { connection } = await connecting.open(server)
  expect(connection.capabilities).toHaveProperty('tools')
})

test('a package that is not installed is named', async () => {
  const server = definitionOf({ transport: 'stdio', package: '@nobody/nothing' })
  await expect(connecting.open(server)).rejects.toThrow('the package @nobody/nothing is not installed')
})
