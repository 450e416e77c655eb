import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { presentFingerprint, replaceFile } from '../../src/files/replace-file.ts'
import { FakeClock } from '../support/fake-clock.ts'

let folder: string
let path: string
let clock: FakeClock

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'replace-file-'))
  path = join(folder, 'registry.yaml')
  clock = new FakeClock()
  await writeFile(path, 'before')
})

afterEach(() => rm(folder, { recursive: true }))

const replaced = (text: string): Promise<boolean> =>
  replaceFile(path, { clock, next: async () => ({ text, basedOn: await presentFingerprint(path) }) })

/** As left by a writer a moment ago, by the clock. */
async function lockOf(holder: string): Promise<void> {
  await writeFile(`${path}.lock`, holder)
  await utimes(`${path}.lock`, clock.now() / 1000, clock.now() / 1000)
}

async function endedProcess(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid ?? 0
}

test('the lock of a process that has ended keeps nobody waiting, however young it is', async () => {
  await lockOf(`${hostname()} ${await endedProcess()}`)
  expect(await replaced('after')).toBe(true)
  expect(await readFile(path, 'utf8')).toBe('after')
  expect(await readdir(folder)).toEqual(['registry.yaml'])
})

test('the lock of an earlier process of the same number keeps nobody waiting', async () => {
  await lockOf(`${hostname()} ${process.pid}`)
  expect(await replaced('after')).toBe(true)
})

test.each([
  ['names nobody', '', 10_000],
  ['is of another machine', 'elsewhere 1', 10_000],
  ['is of a process that lives', `${hostname()} ${process.ppid}`, 60_000],
])('a lock that %s is waited for until it is stale', async (_, holder, staleMs) => {
  await lockOf(holder)
  let isDone = false
  const writing = replaced('after').then(() => (isDone = true))
  await clock.advance(staleMs)
  expect(isDone).toBe(false)
  await clock.advance(1000)
  await writing
  expect(await readFile(path, 'utf8')).toBe('after')
})

test('many writers at once each have their turn', async () => {
  const texts = Array.from({ length: 30 }, (_, at) => `text ${at}`)
  const order: string[] = []
  const write = (text: string): Promise<boolean> =>
    replaceFile(path, {
      clock,
      next: async () => {
        order.push(`from ${await readFile(path, 'utf8')}`, `to ${text}`)
        return { text, basedOn: await presentFingerprint(path) }
      },
    })
  expect(await Promise.all(texts.map(write))).toEqual(texts.map(() => true))
  const written = order.filter((entry) => entry.startsWith('to ')).map((entry) => entry.slice(3))
  expect(order.filter((entry) => entry.startsWith('from ')).map((entry) => entry.slice(5))).toEqual([
    'before',
    ...written.slice(0, -1),
  ])
})

test('a write removes the drafts of writers that died a minute ago, and nothing else', async () => {
  const draft = `${path}.6f1c1a52-5d0e-4b61-9a3a-0d6a5e0d7b11`
  await writeFile(draft, 'secret')
  await utimes(draft, 0, 0)
  await writeFile(`${path}.6f1c1a52-5d0e-4b61-9a3a-0d6a5e0d7b12`, 'being written')
  await writeFile(`${path}.backup`, 'kept')
  await writeFile(join(folder, 'other.yaml.6f1c1a52-5d0e-4b61-9a3a-0d6a5e0d7b11'), 'kept')
  await replaced('after')
  expect((await readdir(folder)).toSorted()).toEqual([
    'other.yaml.6f1c1a52-5d0e-4b61-9a3a-0d6a5e0d7b11',
    'registry.yaml',
    'registry.yaml.6f1c1a52-5d0e-4b61-9a3a-0d6a5e0d7b12',
    'registry.yaml.backup',
  ])
})
