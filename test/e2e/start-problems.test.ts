import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { startGateway } from '../../src/gateway.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const main = join(import.meta.dirname, '../../src/main.ts')

async function start(env: NodeJS.ProcessEnv): Promise<{ code: unknown; err: string }> {
  const child = spawn(process.execPath, [main], {
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: process.env['NODE_COMPILE_CACHE'], ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const [err] = await Promise.all([text(child.stderr), once(child, 'exit')])
  return { code: child.exitCode, err }
}

async function taken(): Promise<{ server: Server; port: string }> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  return { server, port: String(typeof address === 'object' ? address?.port : '') }
}

test('a start tells of both ports that are in use, and leaves no example that nobody was told of', async () => {
  await using dir = await temporaryDirectory()
  const [http, metrics] = [await taken(), await taken()]
  const env = { DATA_DIR: dir.path, PORT: http.port, METRICS_PORT: metrics.port }
  const { code, err } = await start(env)
  http.server.close()
  const second = await startGateway(loadSettings({ ...env, PORT: '0' }), { logger: silentLogger }).catch(
    ({ message }: Error) => message,
  )
  metrics.server.close()
  expect(code).toBe(69)
  expect(err).toContain(
    `port ${http.port} is in use; set PORT to another port, and port ${metrics.port} is in use; set METRICS_PORT to another port`,
  )
  expect(second).toContain(`port ${metrics.port}: the port is in use; choose another METRICS_PORT`)
  expect(second).not.toContain('set PORT')
  expect(await readdir(dir.path)).toEqual(['gateway.lock'])
})

test('a data directory that cannot be made is a setting that cannot be used, and the name of a setting that is almost right is warned of', async () => {
  const { code, err } = await start({
    DATA_DIR: '/proc/nothing/data',
    DATADIR: '/x',
    PORT: '0',
    METRICS_PORT: 'off',
  })
  expect(code).toBe(78)
  expect(err).toMatch(
    /These settings are not valid:\n {2}DATA_DIR: expected a folder .* a folder cannot be created there/,
  )
  expect(err).toContain('DATADIR is not a setting and has no effect; did you mean DATA_DIR?')
})

test('bad settings are all named at once, with what is expected, and the exit code is 78', async () => {
  await using dir = await temporaryDirectory()
  const bad = { PORT: 'eighty', LOG_LEVEL: 'loud', CALL_TIMEOUT_MS: '0' }
  const { code, err } = await start({ ...bad, NODE_COMPILE_CACHE: undefined, XDG_CACHE_HOME: dir.path })
  expect(code).toBe(78)
  for (const name of Object.keys(bad)) expect(err).toContain(name)
  // What was compiled is kept for the next start.
  expect(await readdir(join(dir.path, 'tool-gateway'))).toHaveLength(1)
})

test('a user without a folder for caches can start it all the same', async () => {
  const { code } = await start({ NODE_COMPILE_CACHE: undefined, HOME: '/proc/nothing', PORT: 'eighty' })
  expect(code).toBe(78)
})
