import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { inspect } from 'node:util'
import { status } from '@grpc/grpc-js'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { systemClock } from '../../src/domain/clock.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { type ServerDefinition, serverKey } from '../../src/domain/documents/server-definition.ts'
import { type OpenSecrets, openSecrets, type SecretsSettings } from '../../src/secrets/secrets-open.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { createConnector } from '../../src/upstream/connection/connect.ts'
import { Upstreams } from '../../src/upstream/upstreams.ts'
import { eventually } from '../support/eventually.ts'
import { type FakeSecretManager, startSecretManager } from '../support/secret-manager.ts'
import { programOf } from '../support/server-definitions.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'
import { textOf } from './connection/connecting.ts'

// Without it the client library asks for the metadata server of a machine in the cloud.
process.env['METADATA_SERVER_DETECTION'] = 'none'

const IN_SECRET_MANAGER: SecretsSettings = {
  secretsFile: undefined,
  secretsEnv: [],
  secretsProject: 'p1',
  secretsPrefix: '',
  secretsTtlMs: 500,
}

/** The parts of a gateway that have to do with secrets, with real processes, and everything that they say. */
class Gateway {
  readonly upstreams: Upstreams
  readonly secrets: OpenSecrets
  readonly said: string[] = []

  constructor(settings: SecretsSettings) {
    const { said } = this
    const logger = createLogger({
      level: 'trace',
      format: 'json',
      destination: new Writable({
        write: (chunk: Buffer, _encoding, done) => {
          said.push(chunk.toString())
          done()
        },
      }),
    })
    const { clientOptions } = manager
    this.secrets = openSecrets(settings, {
      env: {},
      clock: systemClock,
      logger,
      random: Math.random,
      secretManager: clientOptions,
      users: {
        reconnect: (key, reason) => this.upstreams.reconnect(key, reason),
        isDown: (key) => this.upstreams.isDown(key),
      },
    })
    this.upstreams = new Upstreams({
      connect: createConnector({
        clientInfo: { name: 'tool-gateway', version: '0' },
        maxMessageBytes: 100_000,
        dataDir: '/nonexistent',
        logger,
        resolveSecret: (reference) => this.secrets.resolve(reference),
      }),
      clock: systemClock,
      random: Math.random,
      logger,
      connectTimeoutMs: 10_000,
      drainTimeoutMs: 10_000,
      onOffer: (_key, offer) => said.push(JSON.stringify(offer)),
      onState: (_key, state) => said.push(JSON.stringify(state)),
    })
  }

  start(...servers: ServerDefinition[]): void {
    this.secrets.setServers(new Map(servers.map((server) => [serverKey(server), server])))
    for (const server of servers) this.upstreams.start(server)
  }

  async state(name: string, state: string): Promise<void> {
    const what = `${name} being ${state}`
    await eventually(() => this.upstreams.status(`acme/${name}`)?.state === state, { what })
  }

  pid(name: string): number | undefined {
    return this.upstreams.status(`acme/${name}`)?.instances[0]?.pid
  }

  async call(server: ServerDefinition, tool: string, args: JsonObject = {}): Promise<string> {
    const params = { name: tool, arguments: args }
    const result = await this.upstreams
      .poolFor(server, '')
      .run(
        (connection) => connection.request('tools/call', params, { signal: undefined, timeoutMs: 10_000 }),
        {
          signal: undefined,
          deadlineAt: performance.now() + 10_000,
        },
      )
    return textOf(result)
  }

  async close(): Promise<void> {
    await this.secrets.close()
    await this.upstreams.close()
  }
}

let manager: FakeSecretManager
let gateway: Gateway
let directory: Awaited<ReturnType<typeof temporaryDirectory>>

beforeEach(async () => {
  manager = await startSecretManager()
  directory = await temporaryDirectory()
  gateway = new Gateway(IN_SECRET_MANAGER)
})
afterEach(async () => {
  await gateway.close()
  await manager.close()
  await directory[Symbol.asyncDispose]()
})

function serverWith(name: string, secret: string, fields = {}): ServerDefinition {
  const env = { API_KEY: `secret://acme_${secret}` }
  return programOf('secret-stdio.ts', [], { name, era: 'legacy', env, ...fields })
}

const digest = (value: string): string => createHash('sha256').update(value).digest('hex')

test('a rotated secret reconnects its user alone, whose call in flight finishes', async () => {
  manager.secrets.set('acme_one', ['canary-one']).set('acme_two', ['canary-two'])
  const [one, two] = [serverWith('one', 'one'), serverWith('two', 'two')]
  gateway.start(one, two)
  await Promise.all([gateway.state('one', 'ready'), gateway.state('two', 'ready')])
  expect(await gateway.call(one, 'digest')).toBe(digest('canary-one'))
  const pids = [gateway.pid('one'), gateway.pid('two')]
  const file = join(directory.path, 'go-on')
  const inFlight = gateway.call(one, 'wait', { file })

  manager.secrets.get('acme_one')?.push('canary-next')
  await eventually(() => gateway.pid('one') !== pids[0] && gateway.pid('one') !== undefined)
  await gateway.state('one', 'ready')
  expect(await gateway.call(one, 'digest')).toBe(digest('canary-next'))
  await writeFile(file, '')
  expect(await inFlight).toBe(digest('canary-one'))
  expect(gateway.pid('two')).toBe(pids[1])
  expect(await gateway.call(two, 'digest')).toBe(digest('canary-two'))
})

test('a missing secret fails its server with the reference, until there is one, and holds up no other', async () => {
  manager.secrets.set('acme_two', ['canary-two'])
  const lifecycle = { maxRestarts: 0 }
  gateway.start(serverWith('one', 'one', { lifecycle }), serverWith('two', 'two'))
  await Promise.all([gateway.state('one', 'failed'), gateway.state('two', 'ready')])
  expect(gateway.upstreams.status('acme/one')).toMatchObject({
    state: 'failed',
    reason: 'secret://acme_one: the secret or version does not exist in Secret Manager',
  })
  manager.secrets.set('acme_one', ['canary-one'])
  await gateway.state('one', 'ready')
})

test('a Secret Manager that is down at the start holds up only who needs it, and they recover by themselves', async () => {
  manager.outage = status.UNAVAILABLE
  manager.secrets.set('acme_one', ['canary-one'])
  const plain = programOf('secret-stdio.ts', [], { name: 'plain', era: 'legacy' })
  gateway.start(serverWith('one', 'one', { lifecycle: { maxRestarts: 0 } }), plain)
  await Promise.all([gateway.state('one', 'failed'), gateway.state('plain', 'ready')])
  expect(gateway.upstreams.status('acme/one')?.reason).toBe(
    'secret://acme_one: Secret Manager does not respond (gRPC status 14)',
  )
  manager.outage = undefined
  await gateway.state('one', 'ready')
})

test('an outage while the servers run reconnects nobody', async () => {
  manager.secrets.set('acme_one', ['canary-one'])
  const one = serverWith('one', 'one')
  gateway.start(one)
  await gateway.state('one', 'ready')
  const pid = gateway.pid('one')
  manager.outage = status.UNAVAILABLE
  await eventually(() => gateway.secrets.counts().stale === 1)
  await gateway.call(one, 'die').catch(() => undefined)
  await eventually(() => gateway.pid('one') !== pid)
  await gateway.state('one', 'ready')
  expect(await gateway.call(one, 'digest')).toBe(digest('canary-one'))
  const next = gateway.pid('one')
  manager.outage = undefined
  await eventually(() => gateway.secrets.counts().fresh === 1)
  expect(gateway.pid('one')).toBe(next)
})

test('a file of secrets rotates in the same way', async () => {
  const path = join(directory.path, 'secrets.yaml')
  await writeFile(path, 'acme_one: canary-one\nacme_two: canary-two\n', { mode: 0o600 })
  await gateway.close()
  gateway = new Gateway({
    ...IN_SECRET_MANAGER,
    secretsProject: undefined,
    secretsFile: path,
    secretsTtlMs: 3_600_000,
  })
  const one = serverWith('one', 'one')
  gateway.start(one, serverWith('two', 'two'))
  await Promise.all([gateway.state('one', 'ready'), gateway.state('two', 'ready')])
  const pids = [gateway.pid('one'), gateway.pid('two')]
  await writeFile(path, 'acme_one: canary-next\nacme_two: canary-two\n')
  await eventually(() => gateway.pid('one') !== pids[0] && gateway.pid('one') !== undefined)
  await gateway.state('one', 'ready')
  expect(await gateway.call(one, 'digest')).toBe(digest('canary-next'))
  expect(gateway.pid('two')).toBe(pids[1])
})

test('no value reaches the log, a status, an offer or an error, whatever happens', async () => {
  manager.secrets.set('acme_one', ['canary-one'])
  const one = serverWith('one', 'one', { lifecycle: { maxRestarts: 1 } })
  const failures: unknown[] = []
  const failing = (tool: string): Promise<unknown> =>
    gateway.call(one, tool).catch((error: unknown) => failures.push(error))
  gateway.start(one)
  await gateway.state('one', 'ready')
  await failing('fail')
  await failing('die')
  await eventually(() => gateway.said.some((line) => line.includes('exited with code 3')))
  await gateway.state('one', 'ready')
  await failing('die')
  await gateway.state('one', 'failed')
  manager.secrets.get('acme_one')?.push('canary-next')
  await gateway.state('one', 'ready')
  manager.denied.add('acme_one')
  await eventually(() => gateway.said.some((line) => line.includes('may not read it')))
  await failing('die')
  await eventually(() => gateway.upstreams.isDown('acme/one'))
  expect(failures).toHaveLength(4)
  const statuses = JSON.stringify([...gateway.upstreams.statuses().values()])
  const all = [...gateway.said, statuses, inspect(failures, { depth: 20, showHidden: true })].join('\n')
  expect(all).toContain('secret://acme_one')
  expect(all).toContain('it said: ')
  expect(all).not.toMatch(/canary/)
})
