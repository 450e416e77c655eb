import { mkdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { makeDataDirectory } from '../../src/config/data-directory.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('the data directory is made with the folders above it, for this user only; one that is there stays', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'a', 'b', 'c')
  await makeDataDirectory(path)
  await makeDataDirectory(path)
  expect((await stat(join(dir.path, 'a'))).mode & 0o777).toBe(0o700)
  expect((await stat(path)).mode & 0o777).toBe(0o700)
})

test('a path that holds `..` is made, too', async () => {
  await using dir = await temporaryDirectory()
  await mkdir(join(dir.path, 'a'))
  await makeDataDirectory(`${dir.path}/a/../b/c`)
  expect((await stat(join(dir.path, 'b', 'c'))).isDirectory()).toBe(true)
})

test('a file in its place is refused by the name of the setting', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'file')
  await writeFile(path, '')
  const expected = (at: string, reason: string): string =>
    `DATA_DIR: expected a folder that this user can create and write to, but ${at} is not: ${reason}`
  await expect(makeDataDirectory(path)).rejects.toThrow(expected(path, 'a file with this name exists'))
  await expect(makeDataDirectory(join(path, 'x'))).rejects.toThrow(
    expected(join(path, 'x'), 'it or a folder above it is a file'),
  )
})

test.each(['/proc/nothing/data', '/proc/self/x', '/dev/null/data', '/sys/x/y'])(
  'where no folders can be made (%s) it ends at once, by the name of the setting',
  async (path) => {
    await expect(makeDataDirectory(path)).rejects.toThrow(/^DATA_DIR: expected a folder .* is not: /)
  },
)
