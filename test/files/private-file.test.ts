import { chmod, mkdir, readdir, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import {
  makePrivateDirectory,
  readOrCreatePrivateFile,
  replacePrivateFile,
} from '../../src/files/private-file.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

test('makes a file once, for this user only, in a directory for this user only', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'a', 'b', 'key')
  expect(await readOrCreatePrivateFile(path, () => 'one')).toBe('one')
  expect(await readOrCreatePrivateFile(path, () => 'two')).toBe('one')
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await stat(join(dir.path, 'a'))).mode & 0o777).toBe(0o700)
})

test('gives everyone the same text when several make it at once', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'key')
  const texts = await Promise.all(
    Array.from({ length: 30 }, (_, index) => readOrCreatePrivateFile(path, () => `text ${index}`)),
  )
  expect(new Set(texts).size).toBe(1)
  expect(await readdir(dir.path)).toEqual(['key'])
})

test('leaves nothing behind when the content cannot be made', async () => {
  await using dir = await temporaryDirectory()
  const failing = readOrCreatePrivateFile(join(dir.path, 'key'), () =>
    Promise.reject(new Error('no entropy')),
  )
  await expect(failing).rejects.toThrow('no entropy')
  expect(await readdir(dir.path)).toEqual([])
})

test.each([0o604, 0o640])('refuses a file of mode %o', async (mode) => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'key')
  await writeFile(path, 'secret')
  await chmod(path, mode)
  await expect(readOrCreatePrivateFile(path, () => 'other')).rejects.toThrow(/can be read by other users/)
})

test('says what is wrong when the path is taken by a directory', async () => {
  await using dir = await temporaryDirectory()
  await mkdir(join(dir.path, 'key'), { mode: 0o700 })
  await expect(readOrCreatePrivateFile(join(dir.path, 'key'), () => 'x')).rejects.toMatchObject({
    code: 'EISDIR',
  })
})

test('leaves an existing directory as it is', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'data')
  await mkdir(path)
  await chmod(path, 0o755)
  await makePrivateDirectory(path)
  expect((await stat(path)).mode & 0o777).toBe(0o755)
})

test('leaves nothing behind when a file cannot be replaced', async () => {
  await using dir = await temporaryDirectory()
  await mkdir(join(dir.path, 'key'))
  await expect(replacePrivateFile(join(dir.path, 'key'), 'secret')).rejects.toMatchObject({ code: 'EISDIR' })
  expect(await readdir(dir.path)).toEqual(['key'])
})
