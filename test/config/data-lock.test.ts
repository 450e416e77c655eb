import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { lockDataDirectory } from '../../src/config/data-lock.ts'

let dir: string

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tool-gateway-lock-'))
})

afterEach(() => rm(dir, { recursive: true, force: true }))

test('the directory is held by this process, privately, until it is given free', async () => {
  const release = await lockDataDirectory(dir)
  const path = join(dir, 'gateway.pid')
  expect(await readFile(path, 'utf8')).toBe(String(process.pid))
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await release()
  expect(await readdir(dir)).toEqual([])
})

test('a directory that another live process holds is refused, naming the process and what to do', async () => {
  await writeFile(join(dir, 'gateway.pid'), String(process.ppid))
  await expect(lockDataDirectory(dir)).rejects.toThrow(
    `another gateway (process ${process.ppid}) uses ${dir}; stop it, or set DATA_DIR to another folder`,
  )
})

test.each(['4194305', 'nonsense', '', String(process.pid)])(
  'a lock that nobody holds any more (%j) is taken over',
  async (content) => {
    await writeFile(join(dir, 'gateway.pid'), content)
    const release = await lockDataDirectory(dir)
    expect(await readFile(join(dir, 'gateway.pid'), 'utf8')).toBe(String(process.pid))
    await release()
  },
)
