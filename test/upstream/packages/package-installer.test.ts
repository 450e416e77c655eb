import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Settings } from '../../../src/config/settings.ts'
import { type Clock, systemClock } from '../../../src/domain/clock.ts'
import { PackageInstaller } from '../../../src/upstream/packages/package-installer.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { type NpmRegistry, startNpmRegistry, tinyServer, tinyWords } from '../../support/npm-registry.ts'

const TINY = '@scope/server-tiny'
const before = { ...process.env }

let registry: NpmRegistry
let dataDir = ''
let packages = ''

beforeAll(async () => {
  registry = await startNpmRegistry()
  registry.publish(tinyServer(TINY))
  registry.publish(tinyWords)
  registry.publish({ manifest: { name: '@scope/library', version: '1.0.0', main: 'x.js' } })
  registry.publish({
    manifest: {
      name: '@scope/lingers',
      version: '1.0.0',
      bin: 'x.js',
      scripts: { install: 'node x.js' },
    },
    files: {
      'x.js': `const options = { stdio: 'ignore' }
        const child = require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], options)
        require('fs').writeFileSync('pid', String(child.pid))
        require('fs').writeFileSync('key', process.env.SOME_API_KEY || 'none')
        child.unref()`,
    },
  })
  registry.publish({ manifest: { name: '@scope/hollow', version: '1.0.0', bin: 'gone.js' } })
  const noise = Array.from({ length: 200_000 }, (_, index) =>
    String.fromCodePoint(33 + ((index * 7919) % 90)),
  )
  registry.publish({
    manifest: { name: '@scope/huge', version: '1.0.0', bin: 'x.js' },
    files: { 'x.js': '', 'noise.txt': noise.join('') },
  })
})

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'installer-'))
  packages = join(dataDir, 'packages')
  process.env['npm_config_registry'] = registry.url
  process.env['npm_config_cache'] = join(dataDir, 'cache')
})

afterEach(async () => {
  registry.hanging = undefined
  await rm(dataDir, { recursive: true, force: true })
})

afterAll(async () => {
  process.env = before
  await registry.close()
})

function installer(
  settings: Partial<Settings['install']> = {},
  clock: Clock = systemClock,
): PackageInstaller {
  return new PackageInstaller({
    dataDir,
    clock,
    settings: {
      isEnabled: true,
      allowList: ['@scope/*'],
      runsScripts: false,
      timeoutMs: 60_000,
      maxBytes: 10_000_000,
      ...settings,
    },
  })
}

function options(abort = new AbortController()): { signal: AbortSignal; onProgress: () => void } {
  return { signal: abort.signal, onProgress: () => undefined }
}

describe('installing', () => {
  test('puts the exact version with what it depends on into a folder of its own, runs no scripts, removes what a killed installer left behind, and asks nobody for a version that is there', async () => {
    await mkdir(join(packages, '.installing-old'), { recursive: true })
    const steps: string[] = []
    const onProgress = ({ step }: { step: string }): void => void steps.push(step)
    const { signal } = new AbortController()
    const found = await installer().install(TINY, undefined, { signal, onProgress })
    expect(found).toEqual({ name: TINY, version: '1.2.3', wasThere: false })
    expect(await readdir(packages)).toEqual(['@scope+server-tiny@1.2.3'])
    const modules = join(packages, '@scope+server-tiny@1.2.3', 'node_modules')
    expect(existsSync(join(modules, 'tiny-words', 'words.js'))).toBe(true)
    expect(existsSync(join(modules, TINY, 'script-ran'))).toBe(false)
    expect(new Set(steps)).toEqual(new Set(['fetch', 'check']))

    const asked = registry.asked.length
    expect(await installer().install(TINY, '1.2.3', options())).toEqual({
      name: TINY,
      version: '1.2.3',
      wasThere: true,
    })
    expect(registry.asked.length).toBe(asked)
  })

  test('runs scripts where that is allowed, gives them nothing of the gateway’s environment, and leaves no process of them behind', async () => {
    process.env['SOME_API_KEY'] = 'hunter2'
    await installer({ runsScripts: true }).install('@scope/lingers', '1.0.0', options())
    const folder = join(packages, '@scope+lingers@1.0.0', 'node_modules', '@scope/lingers')
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'))
    const isThere = (): boolean => {
      try {
        return process.kill(pid, 0)
      } catch {
        return false
      }
    }
    expect(pid).toBeGreaterThan(1)
    await eventually(() => !isThere(), { what: 'its end' })
    expect(await readFile(join(folder, 'key'), 'utf8')).toBe('none')
  })
})

describe('what is refused', () => {
  test.each([
    [
      'a package that is not on the list',
      'left-pad',
      undefined,
      'forbidden',
      /INSTALL_ALLOWLIST does not include left-pad/,
    ],
    ['a path', '../x', undefined, 'invalid_request', /not the name of an npm package/],
    [
      'a URL in the place of a version',
      TINY,
      'https://x.example/y.tgz',
      'invalid_request',
      /expected a version/,
    ],
    ['an alias in the place of a version', TINY, 'npm:left-pad', 'invalid_request', /expected a version/],
    ['an option', TINY, '--force', 'invalid_request', /expected a version/],
  ])('%s', async (_what, name, version, code, message) => {
    await expect(installer().install(name, version, options())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(message),
    })
    expect(existsSync(packages)).toBe(false)
  })

  test('everything where installing is off', async () => {
    const off = installer({ isEnabled: false })
    await expect(off.install(TINY, undefined, options())).rejects.toMatchObject({ code: 'forbidden' })
  })

  test.each([
    ['a package that the registry does not have', '@scope/nothing', /npm says: .*404/],
    ['a version that it does not have', `${TINY}@9.9.9`, /npm says: .*9\.9\.9/],
    ['one without a program', '@scope/library', /does not have a program to run/],
    ['one whose program is missing', '@scope/hollow', /its program is missing/],
  ])('%s, and nothing is left behind', async (_what, text, message) => {
    const at = text.indexOf('@', 1)
    const [name, version] = at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
    await expect(installer().install(name, version, options())).rejects.toMatchObject({
      code: 'install_failed',
      message: expect.stringMatching(message),
    })
    expect(await readdir(packages)).toEqual([])
  })

  test('one that is larger than allowed', async () => {
    const small = installer({ maxBytes: 100_000 })
    await expect(small.install('@scope/huge', undefined, options())).rejects.toMatchObject({
      code: 'install_failed',
      message: expect.stringMatching(/larger than 100000 bytes/),
    })
    expect(await readdir(packages)).toEqual([])
  })
})

describe('an installation that hangs', () => {
  const failureOf = (installing: Promise<unknown>): Promise<unknown> =>
    installing.catch((error: unknown) => error)
  const reached = (): Promise<boolean> =>
    eventually(() => registry.asked.some((path) => path.startsWith(`${TINY}/-/`)), {
      what: 'the tarball asked for',
    })

  beforeEach(() => {
    registry.hanging = TINY
    registry.asked.length = 0
  })

  test('ends with its caller, leaves nothing behind, and lets the next one begin', async () => {
    const abort = new AbortController()
    const one = installer()
    const outcome = failureOf(one.install(TINY, undefined, options(abort)))
    await reached()
    await expect(one.install(TINY, undefined, options())).rejects.toMatchObject({ code: 'too_many_requests' })
    abort.abort()
    expect(await outcome).toMatchObject({ code: 'cancelled' })
    expect(await readdir(packages)).toEqual([])
    registry.hanging = undefined
    expect(await one.install(TINY, undefined, options())).toMatchObject({ version: '1.2.3' })
  })

  test('ends with the gateway, which installs nothing any more', async () => {
    const one = installer()
    const outcome = failureOf(one.install(TINY, undefined, options()))
    await reached()
    await one.close()
    expect(await outcome).toMatchObject({ code: 'shutting_down' })
    expect(await readdir(packages)).toEqual([])
    await expect(one.install(TINY, undefined, options())).rejects.toMatchObject({ code: 'shutting_down' })
  })

  test('ends when its time is over', async () => {
    const clock = new FakeClock()
    const outcome = failureOf(installer({ timeoutMs: 5000 }, clock).install(TINY, undefined, options()))
    await reached()
    await clock.advance(5000)
    const cancel = setInterval(() => void clock.advance(100), 20)
    expect(await outcome).toMatchObject({
      code: 'install_failed',
      message: expect.stringMatching(/longer than 5000 ms/),
    })
    clearInterval(cancel)
    expect(await readdir(packages)).toEqual([])
  })
})
