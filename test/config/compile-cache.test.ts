import { execFile } from 'node:child_process'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const run = promisify(execFile)
const source = join(import.meta.dirname, '../../src/config')

/** Loads a module after having asked for compiled modules to be kept. */
async function started(env: NodeJS.ProcessEnv): Promise<void> {
  const script = `const { keepCompiled } = await import('${source}/compile-cache.ts')
    await keepCompiled(process.env)
    await import('${source}/near-misses.ts')`
  await run(process.execPath, ['--input-type=module', '-e', script], { env })
}

test('what a start compiles is kept for the next one in a folder of the user', async () => {
  await using dir = await temporaryDirectory()
  await started({ XDG_CACHE_HOME: dir.path })
  const [version = ''] = await readdir(join(dir.path, 'tool-gateway'))
  expect(await readdir(join(dir.path, 'tool-gateway', version))).not.toEqual([])
})

test.each([import.meta.filename, '/proc/none'])(
  'a start goes on where nothing can be kept: %s',
  async (path) => {
    await expect(started({ XDG_CACHE_HOME: path })).resolves.toBeUndefined()
  },
)
