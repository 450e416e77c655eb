import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { nodeModulesOf, packageCommand } from '../../../src/upstream/stdio/package-command.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { Connecting } from '../connection/connecting.ts'

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
    expect(await packageCommand(name, { nodeModules: ['/nowhere', folder], installed: '/nowhere' })).toEqual({
      command: process.execPath,
      args: [join(folder, name, path)],
    })
  })

  test.each([
    ['no program', 'none', {}, 'the package none does not have a program to run'],
    [
      'several of other names',
      'unclear',
      { bin: { a: 'a.js', b: 'b.js' } },
      'the package unclear does not have a program to run',
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
    await expect(packageCommand(name, { nodeModules: [folder], installed: '/nowhere' })).rejects.toThrow(
      message,
    )
  })
})

describe('the version of a package', () => {
  const place = async (folderName: string, version: string): Promise<void> => {
    const path = join(folder, 'own', folderName, 'node_modules', '@scope', 'versioned')
    await mkdir(path, { recursive: true })
    await writeFile(join(path, 'package.json'), JSON.stringify({ version, bin: 'x.js' }))
  }
  const versionOf = async (text: string): Promise<string | undefined> => {
    const { args } = await packageCommand(text, { nodeModules: [folder], installed: join(folder, 'own') })
    return args[0]?.slice(folder.length)
  }

  test('is exactly the one that is named, wherever it is', async () => {
    await install('@scope/versioned', { version: '3.0.0', bin: 'x.js' })
    await place('@scope+versioned@1.9.0', '1.9.0')
    expect(await versionOf('@scope/versioned@1.9.0')).toBe(
      '/own/@scope+versioned@1.9.0/node_modules/@scope/versioned/x.js',
    )
    expect(await versionOf('@scope/versioned@3.0.0')).toBe('/@scope/versioned/x.js')
    await expect(versionOf('@scope/versioned@2.0.0')).rejects.toThrow(
      'the package @scope/versioned@2.0.0 is not installed (3.0.0 is)',
    )
  })

  test('is the newest one that the gateway installed where there is no other', async () => {
    await place('@scope+versioned@1.10.0', '1.10.0')
    expect(await versionOf('@scope/versioned')).toBe('/@scope/versioned/x.js')
    await rm(join(folder, '@scope', 'versioned'), { recursive: true })
    expect(await versionOf('@scope/versioned')).toBe(
      '/own/@scope+versioned@1.10.0/node_modules/@scope/versioned/x.js',
    )
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
