import { execFile } from 'node:child_process'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { asCliError } from '../../src/cli/cli-error.ts'
import { run } from '../../src/cli/program.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const execute = promisify(execFile)

async function tg(dataDir: string, argv: readonly string[]): Promise<{ code: number; err: string }> {
  let err = ''
  const code = await run(argv, {
    env: { DATA_DIR: dataDir },
    print: () => undefined,
    printError: (text) => void (err += text),
  })
  return { code, err }
}

test.each([
  ['token'],
  ['audit verify'],
  ['audit export'],
  ['audit key'],
  ['audit key --rotate'],
  ['signin'],
  ['init'],
])('"%s" with a DATA_DIR that is a file exits with 78 and says in one line what is wrong', async (line) => {
  await using dir = await temporaryDirectory()
  const dataDir = join(dir.path, 'data')
  await writeFile(dataDir, 'a file')
  expect(await tg(dataDir, line.split(' '))).toEqual({
    code: 78,
    err: expect.stringMatching(
      /^tool-gateway: (ENOTDIR|EEXIST|there are no usage records): [^\n]*\/data[/'][^\n]*\n$/,
    ),
  })
})

test('a key that cannot be written leaves the one before, and no part of it', async () => {
  await using dir = await temporaryDirectory()
  const path = join(dir.path, 'audit-signing.key')
  expect(await tg(dir.path, ['audit', 'key', '--rotate'])).toMatchObject({ code: 0 })
  const [before, files] = [await readFile(path, 'utf8'), await readdir(dir.path)]
  // As on a disk that is full: no file of the process may have a byte.
  const failing = execute(
    'sh',
    ['-c', 'ulimit -f 0 && exec "$0" src/cli/tool-gateway.ts audit key --rotate', process.execPath],
    { env: { ...process.env, DATA_DIR: dir.path, NODE_DISABLE_COMPILE_CACHE: '1' } },
  )
  await expect(failing).rejects.toMatchObject({
    code: 78,
    stderr: expect.stringMatching(/^tool-gateway: EFBIG: [^\n]*\n$/),
  })
  expect(await readFile(path, 'utf8')).toBe(before)
  expect(await readdir(dir.path)).toEqual(files)
})

test('an import that is nested deeply exits with 65 and says so', async () => {
  await using dir = await temporaryDirectory()
  const file = join(dir.path, 'deep.json')
  await writeFile(file, `{"servers":${'['.repeat(200_000)}${']'.repeat(200_000)}}`)
  expect(await tg(dir.path, ['registry', 'import', file])).toEqual({
    code: 65,
    err: `tool-gateway: ${file} is nested too deeply\n`,
  })
})

test('input that has no room is told in words, and a fault of the program is not', () => {
  expect(asCliError(new RangeError('Maximum call stack size exceeded'))).toMatchObject({
    exitCode: 65,
    message: 'what was given is nested too deeply or too long (Maximum call stack size exceeded)',
  })
  expect(asCliError(new RangeError('Invalid time value'))).toBeUndefined()
  expect(asCliError(new TypeError('x is not a function'))).toBeUndefined()
})
