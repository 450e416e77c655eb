import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { LocalIssuer } from '../../src/identity/local-issuer.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { type CommandResult, commandLine } from '../support/command-line.ts'
import { eventually } from '../support/eventually.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { type NpmRegistry, startNpmRegistry, tinyServer, tinyWords } from '../support/npm-registry.ts'

const TINY = '@modelcontextprotocol/server-tiny'

let registry: NpmRegistry
let gateway: GatewayProcess
let url = ''
let admin = ''
let cache = ''

beforeAll(async () => {
  registry = await startNpmRegistry()
  registry.publish(tinyServer(TINY))
  registry.publish(tinyServer('@modelcontextprotocol/server-slow'))
  registry.publish(tinyWords)
  cache = await mkdtemp(join(tmpdir(), 'npm-cache-'))
  // Relative, as the default is.
  const DATA_DIR = relative(process.cwd(), await mkdtemp(join(tmpdir(), 'tool-gateway-install-')))
  await writeFile(join(DATA_DIR, 'registry.yaml'), 'servers: {}\n')
  gateway = await spawnGateway({ npm_config_registry: registry.url, npm_config_cache: cache, DATA_DIR })
  url = await gateway.url()
  admin = await tokenOf('reader', 'operator', 'platform-admin')
})

afterAll(async () => {
  await gateway.remove()
  await registry.close()
  await rm(cache, { recursive: true, force: true })
})

async function tokenOf(...roles: string[]): Promise<string> {
  const issuer = await LocalIssuer.open({ dir: gateway.dataDir, clock: systemClock })
  return issuer.issue({ tenantId: 'local', subject: 'you', roles, ttlMs: 600_000 })
}

const tg = (...argv: string[]): Promise<CommandResult> => commandLine(url, admin)(...argv)
const packages = (): string => join(gateway.dataDir, 'packages')

test('one command on a clean data directory installs a package, and its tool answers', async () => {
  const installed = await gateway.tg('servers', 'install', TINY, '--url', url, '--token', admin)
  expect(installed).toMatchObject({ code: 0, stdout: expect.stringMatching(/^tiny\tready\t1 tools\t/) })
  expect(installed.stderr).toMatch(
    /^asking the package registry\n.*checking the installed package\nwriting the server tiny, version 1\.2\.3\nstarting tiny\ninstalled @modelcontextprotocol\/server-tiny 1\.2\.3\n$/s,
  )
  expect(await tg('tools', 'call', 'tiny_hello')).toMatchObject({ code: 0, out: 'hello from a dependency\n' })
  const document = await readFile(join(gateway.dataDir, 'registry.yaml'), 'utf8')
  expect(document).toMatch(/package: "?@modelcontextprotocol\/server-tiny@1\.2\.3"?$/m)
  const folder = join(packages(), '@modelcontextprotocol+server-tiny@1.2.3', 'node_modules', TINY)
  expect(existsSync(join(folder, 'server.js'))).toBe(true)
  expect(existsSync(join(folder, 'script-ran'))).toBe(false)
  expect(gateway.log).toContainEqual(
    expect.objectContaining({
      msg: 'server installed',
      server: 'tiny',
      subject: 'you',
      package: `${TINY}@1.2.3`,
    }),
  )
})

test('who does something to a server is in the log', async () => {
  expect((await tg('servers', 'restart', 'tiny')).code).toBe(0)
  expect(gateway.log).toContainEqual(
    expect.objectContaining({ msg: 'server: restart', server: 'tiny', tenantId: 'local', subject: 'you' }),
  )
})

test('a second server of the same package has a name and arguments of its own', async () => {
  const argv = ['--name', 'other', '--roles', 'reader', '--json', '--', '--flag', 'x y']
  const installed = await tg('servers', 'install', `${TINY}@1.2.3`, ...argv)
  expect(installed.code).toBe(0)
  expect(JSON.parse(installed.out)).toMatchObject({
    name: 'other',
    version: '1.2.3',
    wasThere: true,
    state: 'ready',
  })
  const logs = await tg('servers', 'logs', 'other')
  expect(logs.out).toMatch(/ tiny is up with --flag,x y\n/)
})

test.each([
  ['a name that is taken', ['@modelcontextprotocol/server-tiny'], 1, /already_exists/],
  ['a package that is not on the list', ['left-pad'], 77, /INSTALL_ALLOWLIST does not include left-pad/],
  ['a package that does not exist', ['@modelcontextprotocol/server-nothing'], 1, /install_failed: .*404/],
  ['a version that is none', [`${TINY}@file:..`], 1, /invalid_request: version/],
  [
    'a name that is not legal',
    [TINY, '--name', 'Not_Legal'],
    1,
    /invalid_document: The document is not valid\n {2}name: expected a name of at most 40 lower-case letters/,
  ],
])('%s is refused, and nothing is left behind', async (_what, argv, code, message) => {
  const before = await readdir(packages())
  const refused = await tg('servers', 'install', ...argv)
  expect([refused.code, refused.out]).toEqual([code, ''])
  expect(refused.err).toMatch(message)
  expect(await readdir(packages())).toEqual(before)
})

test('an operator of a tenant alone may not install what runs on the machine', async () => {
  const operator = await tokenOf('reader', 'operator')
  const refused = await commandLine(url, operator)('servers', 'install', TINY)
  expect(refused.code).toBe(77)
  expect(refused.err).toMatch(/needs the role platform-admin/)
})

test('a caller that goes away cancels it: no process, no folder and no server are left', async () => {
  registry.hanging = '@modelcontextprotocol/server-slow'
  const abort = new AbortController()
  const response = await fetch(`${url}/v1/servers/install`, {
    method: 'POST',
    signal: abort.signal,
    headers: {
      authorization: `Bearer ${admin}`,
      'content-type': 'application/json',
      accept: 'text/event-stream',
    },
    body: JSON.stringify({ package: registry.hanging }),
  })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream'])
  await eventually(() => registry.asked.some((path) => path.includes('server-slow/-/')), {
    what: 'the tarball',
  })
  expect((await tg('servers', 'install', '@modelcontextprotocol/server-x')).err).toMatch(/too_many_requests/)
  abort.abort()
  await eventually(async () => (await readdir(packages())).every((name) => !name.startsWith('.')), {
    what: 'the folder removed',
  })
  registry.hanging = undefined
  const shown = await tg('servers', 'list')
  expect(shown.out).not.toMatch(/^slow /m)
  expect((await tg('servers', 'install', '@modelcontextprotocol/server-slow')).code).toBe(0)
})
