import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { lockDataDirectory } from '../../src/files/data-lock.ts'

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
  expect(await readdir(dir)).toEqual(['gateway.lock'])
})

/** A process that holds the directory until it is killed. */
async function holder(): Promise<ChildProcess> {
  const path = join(import.meta.dirname, '../../src/files/data-lock.ts')
  const code = `import { lockDataDirectory } from ${JSON.stringify(path)}
    await lockDataDirectory(process.argv[1]); console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', code, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

test('a directory that another gateway holds is refused, naming the process and what to do, until it is killed', async () => {
  const child = await holder()
  try {
    await expect(lockDataDirectory(dir)).rejects.toThrow(
      `another gateway (process ${child.pid}) uses ${dir}; stop it, or set DATA_DIR to another folder`,
    )
  } finally {
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const release = await lockDataDirectory(dir)
  await release()
})

test('a number that another program has by now, or that another container has too, holds nothing', async () => {
  for (const pid of [process.ppid, 1]) {
    await writeFile(join(dir, 'gateway.pid'), String(pid))
    const release = await lockDataDirectory(dir)
    expect(await readFile(join(dir, 'gateway.pid'), 'utf8')).toBe(String(process.pid))
    await release()
  }
})

test('a directory is held once within a process, too', async () => {
  const release = await lockDataDirectory(dir)
  await expect(lockDataDirectory(dir)).rejects.toThrow(/another gateway .* uses/)
  await release()
  await (
    await lockDataDirectory(dir)
  )()
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
