import { createHash } from 'node:crypto'
import { glob, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { eventually } from '../support/eventually.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const PROGRAM = join(import.meta.dirname, '../support/upstreams/secret-stdio.ts')
const said: string[] = []
const keep = new Writable({
  write: (chunk: Buffer, _encoding, done) => {
    said.push(chunk.toString())
    done()
  },
})

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let gateway: Gateway
let secretsFile: string

beforeAll(async () => {
  directory = await temporaryDirectory()
  secretsFile = join(directory.path, 'secrets.yaml')
  const registryFile = join(directory.path, 'registry.json')
  await writeFile(secretsFile, 'local_one: canary-one\nlocal_two: canary-two\n', { mode: 0o600 })
  await writeFile(
    registryFile,
    JSON.stringify({
      servers: {
        one: server('secret://local_one'),
        two: server('secret://local_two'),
        missing: server('secret://local_missing'),
        foreign: server('secret://other_one'),
      },
    }),
  )
  const settings = loadSettings({
    PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: join(directory.path, 'data'),
    REGISTRY_FILE: registryFile,
    SECRETS_FILE: secretsFile,
  })
  gateway = await startGateway(settings, {
    logger: createLogger({ level: 'trace', format: 'json', destination: keep }),
  })
  await eventually(() => stateOf('one') === 'ready' && stateOf('two') === 'ready')
})
afterAll(async () => {
  await gateway.close()
  await directory[Symbol.asyncDispose]()
})

function server(reference: string): Record<string, unknown> {
  return {
    transport: 'stdio',
    command: process.execPath,
    args: [PROGRAM],
    era: 'legacy',
    env: { API_KEY: reference },
    lifecycle: { maxRestarts: 1 },
  }
}

function stateOf(name: string): string | undefined {
  return gateway.statuses().find((status) => status.name === name)?.state
}

function pidOf(name: string): number | undefined {
  return gateway.statuses().find((status) => status.name === name)?.instances[0]?.pid
}

async function rest(method: string, path: string, body?: unknown): Promise<string> {
  const token = await gateway.localIssuer?.issue({
    tenantId: 'local',
    subject: 'ann',
    roles: ['reader', 'operator', 'auditor'],
    ttlMs: 600_000,
  })
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
  }
  const content = body === undefined ? {} : { body: JSON.stringify(body) }
  return (await fetch(gateway.url + path, { method, headers, ...content })).text()
}

const call = (tool: string): Promise<string> => rest('POST', `/v1/tools/${tool}`, { arguments: {} })
const digest = (value: string): string => createHash('sha256').update(value).digest('hex')

test('a server gets its secret; a rotated one reconnects its user alone; no value shows anywhere', async () => {
  expect(await call('one_digest')).toContain(digest('canary-one'))
  const pids = [pidOf('one'), pidOf('two')]
  await writeFile(secretsFile, 'local_one: canary-next\nlocal_two: canary-two\n')
  await eventually(() => pidOf('one') !== pids[0] && stateOf('one') === 'ready')
  expect(await call('one_digest')).toContain(digest('canary-next'))
  expect(pidOf('two')).toBe(pids[1])

  const answers = [await call('one_fail'), await call('two_die')]
  await eventually(() => stateOf('two') === 'ready' && pidOf('two') !== pids[1])
  const servers = await rest('GET', '/v1/servers')
  expect(servers).toContain('secret://local_missing: it is not in the file of secrets')
  answers.push(servers)
  for (const path of ['/v1/tools', '/v1/tools/one_digest', '/health', '/health/missing']) {
    answers.push(await rest('GET', path))
  }
  answers.push(
    await eventually(async () => {
      const records = await rest('GET', '/v1/audit')
      return records.includes('two_die') && records
    }),
  )
  answers.push(await (await fetch(gateway.metricsUrl ?? '')).text())
  const log = said.join('')
  expect(log).toContain('secret://other_one may not be used here')
  expect(`${answers.join('\n')}\n${log}`).not.toMatch(/canary/)
  const kept: string[] = []
  for await (const path of glob('**/*', { cwd: join(directory.path, 'data'), withFileTypes: true })) {
    if (path.isFile()) kept.push(await readFile(join(path.parentPath, path.name), 'latin1'))
  }
  expect(kept.join('\n')).toContain('two_die')
  expect(kept.join('\n')).not.toMatch(/canary/)
})
