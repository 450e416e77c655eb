import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import type { Snapshot } from '../../../src/domain/snapshot.ts'
import { FileSource } from '../../../src/registry/file/file-source.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { emptyDirectory } from '../tenant-directory.ts'

const server = (command: string): string => `{transport: stdio, command: ${command}}`
const registry = (...names: string[]): string =>
  `servers:\n${names.map((name) => `  ${name}: ${server(name)}\n`).join('')}`

let folder: string
let path: string
let clock: FakeClock
let source: FileSource
let snapshots: Snapshot[]
let log: string[]

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-source-'))
  path = join(folder, 'registry.yaml')
  clock = new FakeClock()
  snapshots = []
  log = []
  source = sourceOf(path)
})

afterEach(async () => {
  await source.close()
  await rm(folder, { recursive: true })
})

function sourceOf(file: string): FileSource {
  const logger = pino({ level: 'trace' }, { write: (line: string) => void log.push(line) })
  return new FileSource({ path: file, defaultTenant: 'local', directory: emptyDirectory(), clock, logger })
}

async function start(text: string): Promise<void> {
  await writeFile(path, text)
  await source.start((snapshot) => snapshots.push(snapshot))
}

const namesOf = (snapshot: Snapshot | undefined): string[] =>
  [...(snapshot?.servers.values() ?? [])].map(({ name }) => name)

/** Lets the source look until a condition holds. */
async function looking(condition: () => boolean): Promise<void> {
  await eventually(async () => {
    await clock.advance(200)
    return condition()
  })
}

/** Lets the source look often enough to see and read any change. */
async function lookAround(): Promise<void> {
  for (let looks = 0; looks < 15; looks += 1) {
    await eventually(() => clock.pending > 0)
    await clock.advance(200)
  }
  await eventually(() => clock.pending > 0)
}

describe('at the start', () => {
  test('the first snapshot is there when start is done', async () => {
    await start(registry('a', 'b'))
    expect(snapshots).toHaveLength(1)
    expect(snapshots[0]).toMatchObject({ generation: 1, quarantined: [] })
    expect([...(snapshots[0]?.servers.keys() ?? [])]).toEqual(['local/a', 'local/b'])
  })

  test('a file that is not there is an error', async () => {
    await expect(source.start(() => {})).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringMatching(/^the registry file \/.+ cannot be read \(ENOENT\); see REGISTRY_FILE$/),
    })
  })

  test('a folder or a named pipe is an error, not a wait', async () => {
    await expect(sourceOf(folder).start(() => {})).rejects.toThrow('not a regular file')
    const pipe = join(folder, 'pipe')
    execFileSync('sh', ['-c', 'mkfifo "$0"', pipe])
    await expect(sourceOf(pipe).start(() => {})).rejects.toThrow('not a regular file')
  })

  test.each<[string, string | Buffer]>([
    ['with a syntax error', 'servers: ['],
    ['that is empty', ''],
    ['in another encoding', Buffer.from([0xff, 0xfe, 0x41])],
    ['that is too large', Buffer.alloc(4 * 1024 * 1024 + 1, '#')],
  ])('a file %s gives no snapshot until it can be used', async (_case, content) => {
    await writeFile(path, content)
    await source.start((snapshot) => snapshots.push(snapshot))
    expect(snapshots).toEqual([])
    await writeFile(path, registry('a'))
    await looking(() => snapshots.length === 1)
    expect(snapshots[0]).toMatchObject({ generation: 1, quarantined: [] })
    expect(namesOf(snapshots[0])).toEqual(['a'])
  })
})

describe('a change is seen', () => {
  test('when the file is written in place', async () => {
    await start(registry('a'))
    await writeFile(path, registry('a', 'b'))
    await looking(() => snapshots.length === 2)
    expect(namesOf(snapshots[1])).toEqual(['a', 'b'])
    expect(snapshots[1]?.generation).toBe(2)
  })

  test('when it has the same size and time as before', async () => {
    await start(registry('a'))
    const time = new Date('2026-01-01')
    await utimes(path, time, time)
    await lookAround()
    await writeFile(path, registry('b'))
    await utimes(path, time, time)
    await looking(() => snapshots.length === 2)
    expect(namesOf(snapshots[1])).toEqual(['b'])
  })

  test('when another file is renamed over it', async () => {
    await start(registry('a'))
    await writeFile(join(folder, 'new'), registry('b'))
    await rename(join(folder, 'new'), path)
    await looking(() => snapshots.length === 2)
    expect(namesOf(snapshots[1])).toEqual(['b'])
  })

  test('when a symbolic link on the way to it is swapped', async () => {
    for (const name of ['v1', 'v2']) {
      await mkdir(join(folder, name))
      await writeFile(join(folder, name, 'registry.yaml'), registry(name))
    }
    await symlink('v1', join(folder, 'data'))
    await symlink(join('data', 'registry.yaml'), path)
    await source.start((snapshot) => snapshots.push(snapshot))
    await symlink('v2', join(folder, 'data.new'))
    await rename(join(folder, 'data.new'), join(folder, 'data'))
    await looking(() => snapshots.length === 2)
    expect(snapshots.map(namesOf)).toEqual([['v1'], ['v2']])
  })

  test('when the file goes and comes back, with the last servers in between', async () => {
    await start(registry('a'))
    await rm(path)
    await looking(() => snapshots.length === 2)
    expect(namesOf(snapshots[1])).toEqual(['a'])
    expect(snapshots[1]?.quarantined).toMatchObject([
      { reason: 'the registry file: cannot be read (ENOENT)', lastGoodServes: true },
    ])
    await writeFile(path, registry('a'))
    await looking(() => snapshots.length === 3)
    expect(snapshots[2]?.quarantined).toEqual([])
  })

  test('only once the file stands still for 50 ms', async () => {
    await start(registry('a'))
    await writeFile(path, 'servers:\n')
    await clock.advance(200)
    await eventually(() => clock.pending > 0)
    await writeFile(path, registry('a', 'b'))
    await lookAround()
    expect(snapshots.map(namesOf)).toEqual([['a'], ['a', 'b']])
  })
})

describe('nothing is handed over', () => {
  test('when the file is touched, or changed without meaning', async () => {
    await start(registry('a', 'b'))
    await utimes(path, new Date(), new Date())
    await lookAround()
    await writeFile(path, `# a comment\n${registry('b', 'a')}`)
    await lookAround()
    expect(snapshots).toHaveLength(1)
  })

  test('after close', async () => {
    await start(registry('a'))
    await writeFile(path, registry('b'))
    await clock.advance(200)
    await source.close()
    await source.close()
    await clock.advance(1000)
    expect(clock.pending).toBe(0)
    expect(snapshots).toHaveLength(1)
  })

  test('by a read that ends after close', async () => {
    await start(registry('a'))
    await writeFile(path, registry('b'))
    await clock.advance(200)
    await eventually(() => clock.pending > 0)
    const advancing = clock.advance(50)
    const closing = source.close()
    await Promise.all([advancing, closing])
    expect(snapshots).toHaveLength(1)
  })
})

describe('a file that cannot be understood', () => {
  test('keeps the last good servers and warns once, with line and column', async () => {
    await start(registry('a'))
    await writeFile(path, 'servers:\n  a: [hunter2\n  b: 1')
    await looking(() => snapshots.length === 2)
    await utimes(path, new Date(), new Date())
    await lookAround()
    expect(namesOf(snapshots[1])).toEqual(['a'])
    expect(snapshots[1]?.quarantined).toMatchObject([
      {
        id: 'registry.yaml',
        reason: 'the registry file: line 3, column 3: bad indent',
        lastGoodServes: true,
      },
    ])
    const warnings = log.filter((line) => line.includes('line 3, column 3'))
    expect(warnings).toHaveLength(1)
    expect(log.join('')).not.toContain('hunter2')
  })

  test('is forgotten once it is good again', async () => {
    await start(registry('a'))
    await writeFile(path, '')
    await looking(() => snapshots.length === 2)
    await writeFile(path, registry('a'))
    await looking(() => snapshots.length === 3)
    expect(snapshots[2]).toMatchObject({ generation: 3, quarantined: [] })
  })
})

test('an invalid document is quarantined and its last good version serves on', async () => {
  await start(registry('a', 'b'))
  await writeFile(path, registry('a', 'b').replace('command: b', 'comand: b'))
  await looking(() => snapshots.length === 2)
  expect(namesOf(snapshots[1])).toEqual(['a', 'b'])
  expect(snapshots[1]?.quarantined).toMatchObject([{ id: 'b', lastGoodServes: true }])
})

test('sections without effect are noted once', async () => {
  await start(`${registry('a')}gateway: {x: 1}\nextra: 1\n`)
  await writeFile(path, `${registry('a', 'b')}gateway: {x: 1}\nextra: 1\n`)
  await looking(() => snapshots.length === 2)
  expect(log.filter((line) => line.includes('gateway'))).toHaveLength(1)
  expect(log.filter((line) => line.includes('extra'))).toHaveLength(1)
})

test('JSON is read whatever the file is called', async () => {
  await start(JSON.stringify({ mcpServers: { 'My Server': { command: 'x' } } }))
  expect(namesOf(snapshots[0])).toEqual(['my-server'])
})

test('a receiver that throws is logged and does not end the watch', async () => {
  await writeFile(path, registry('a'))
  await source.start((snapshot) => {
    snapshots.push(snapshot)
    if (snapshots.length === 2) throw new Error('receiver failed')
  })
  await writeFile(path, registry('b'))
  await looking(() => snapshots.length === 2)
  await writeFile(path, registry('c'))
  await looking(() => snapshots.length === 3)
  expect(namesOf(snapshots[2])).toEqual(['c'])
  expect(log.join('')).toContain('receiver failed')
  expect(await readFile(path, 'utf8')).toContain('c')
})
