import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { openFirestore } from '../../src/firestore/firestore.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { eventually } from '../support/eventually.ts'
import { type FirestoreEmulator, reservePort, startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { spawnGateway } from '../support/gateway-process.ts'
import { IdentityProvider, newSigningKey, signFor, type SigningKey } from '../support/identity-provider.ts'
import { SHARED_KEYS } from '../support/shared-keys.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { type RelayedServer, relayedServer } from '../support/stdio-relay.ts'
import { servingSample } from '../support/upstreams/stdio-servers.ts'

const PROJECT = 'demo-cloud-outage'
/** A Firestore that has just started may take its time. */
const SOON = { timeoutMs: 120_000 }

let relayed: RelayedServer
let port: number
let provider: IdentityProvider
let key: SigningKey
let dataDir: string
/** Ended after each test, gateways first: what they still ask Firestore then has its answer. */
let gateways: Gateway[]
let emulators: FirestoreEmulator[]

beforeAll(async () => {
  relayed = await relayedServer(servingSample('legacy'))
})

afterAll(() => relayed.close())

beforeEach(async () => {
  port = await reservePort()
  process.env['FIRESTORE_EMULATOR_HOST'] = `127.0.0.1:${port}`
  process.env['METADATA_SERVER_DETECTION'] = 'none'
  provider = await IdentityProvider.start()
  key = await newSigningKey('first')
  provider.keys = [key.jwk]
  dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-cloud-outage-'))
  gateways = []
  emulators = []
})

afterEach(async () => {
  for (const gateway of gateways) await gateway.close()
  for (const emulator of emulators) await emulator.stop()
  await provider[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true })
})

async function startFirestore(): Promise<FirestoreEmulator> {
  const emulator = await startFirestoreEmulator({ port })
  emulators.push(emulator)
  return emulator
}

const settings = (): Record<string, string> => ({
  PORT: '0',
  METRICS_PORT: 'off',
  DATA_DIR: dataDir,
  ...SHARED_KEYS,
  STORE: 'firestore',
  OUTBOUND_ALLOW: '127.0.0.0/8',
  STDIO_SERVERS: 'any',
  GOOGLE_CLOUD_PROJECT: PROJECT,
  REGISTRY_PROBE_MS: '300',
  OIDC_AUDIENCE: 'https://gateway.example',
  OIDC_ISSUER: 'https://platform.example',
})

async function start(): Promise<Gateway> {
  const gateway = await startGateway(loadSettings(settings()), { logger: silentLogger })
  gateways.push(gateway)
  return gateway
}

/** Writes what an operator would, with a client of its own; the first write to a new emulator may take its time. */
async function write(documents: Record<string, Record<string, unknown>>): Promise<void> {
  const client = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
  await eventually(async () => {
    const batch = client.db.batch()
    for (const [path, document] of Object.entries(documents)) batch.set(client.db.doc(path), document)
    return await batch.commit().catch(() => undefined)
  }, SOON)
  await client.close()
}

function writeRegistry(fields: Record<string, unknown> = {}): Promise<void> {
  const server = {
    ...relayed.document,
    requiredRoles: ['reader'],
    tenantId: 'acme',
    name: 'tools',
    ...fields,
  }
  return write({ 'tenants/acme': { issuers: [{ issuer: provider.url }] }, 'mcp_servers/tools': server })
}

async function probe({ url }: Gateway, path: string): Promise<[number, unknown]> {
  const response = await fetch(url + path)
  return [response.status, await response.json()]
}

/** What `/readyz` says beside that records wait, which depends on whether any were made during the outage. */
async function withoutRecords(gateway: Gateway): Promise<[number, unknown]> {
  const [status, body] = await probe(gateway, '/readyz')
  const { stale = [], ...rest } = body as { stale?: string[] }
  const others = stale.filter((name) => name !== 'records')
  return [status, { ...rest, ...(others.length > 0 && { stale: others }) }]
}

async function ask(gateway: Gateway, path: string, body?: string): Promise<[number, unknown]> {
  const token = await signFor(provider, key)
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  const response = await fetch(gateway.url + path, {
    headers,
    ...(body !== undefined && { method: 'POST', body }),
  })
  return [response.status, await response.json()]
}

const echo = (gateway: Gateway): Promise<[number, unknown]> =>
  ask(gateway, '/v1/tools/tools_echo', '{"arguments":{"message":"hello"}}')

const ECHOED = [200, expect.objectContaining({ content: [{ type: 'text', text: '{"message":"hello"}' }] })]

/** What is served may be new before all collections have come again, which ends the staleness. */
async function untilReady(gateway: Gateway, stale: { stale?: string[] } = {}): Promise<void> {
  const wanted = [200, { status: 'ready', missing: [], ...stale }]
  await eventually(async () => isDeepStrictEqual(await withoutRecords(gateway), wanted), SOON)
}

test('a gateway whose Firestore is away ends with 0 when it is told to', async () => {
  const gateway = await spawnGateway(settings())
  await gateway.url()
  await eventually(() => gateway.log.some(({ msg }) => String(msg).includes('Firestore does not respond')))
  gateway.child.kill('SIGTERM')
  const code = await gateway.exited
  await gateway.remove()
  expect([code, gateway.log.at(-1)?.['msg']]).toEqual([0, 'stopped'])
})

describeWithEmulator('a gateway whose Firestore is away', () => {
  test('at its first start is alive and not ready, and becomes ready by itself when Firestore comes', async () => {
    const gateway = await start()
    expect(await probe(gateway, '/healthz')).toEqual([200, { status: 'ok' }])
    const waiting = [503, { status: 'not ready', missing: ['registry'] }]
    await eventually(async () => isDeepStrictEqual(await probe(gateway, '/readyz'), waiting), SOON)
    await startFirestore()
    await writeRegistry()
    await eventually(async () => (await probe(gateway, '/readyz'))[0] === 200, SOON)
    await eventually(async () => (await ask(gateway, '/v1/tools/tools_echo'))[0] === 200, SOON)
    expect(await echo(gateway)).toEqual(ECHOED)
    await untilReady(gateway)
  }, 400_000)

  test('at a later start is ready with the last good registry, says so, serves calls, and is live when Firestore is back', async () => {
    const firestore = await startFirestore()
    await writeRegistry()
    const before = await start()
    await eventually(async () => (await ask(before, '/v1/tools/tools_echo'))[0] === 200, SOON)
    expect(await before.close()).toEqual([])
    await firestore.stop()

    const gateway = await start()
    await untilReady(gateway, { stale: ['registry'] })
    await eventually(async () => (await ask(gateway, '/v1/tools/tools_echo'))[0] === 200, SOON)
    expect(await echo(gateway)).toEqual(ECHOED)

    await startFirestore()
    await writeRegistry({ tools: { exclude: ['echo'] } })
    await eventually(async () => (await ask(gateway, '/v1/tools/tools_echo'))[0] === 404, SOON)
    await untilReady(gateway)
    expect((await ask(gateway, '/v1/tools/tools_cancelled'))[0]).toBe(200)
  }, 400_000)

  test('while it runs goes on as it was, and says that it is stale until Firestore is back', async () => {
    const firestore = await startFirestore()
    await writeRegistry()
    const gateway = await start()
    await eventually(async () => (await ask(gateway, '/v1/tools/tools_echo'))[0] === 200, SOON)
    await firestore.stop()
    await untilReady(gateway, { stale: ['registry'] })
    expect(await echo(gateway)).toEqual(ECHOED)
    await startFirestore()
    await writeRegistry()
    await untilReady(gateway)
    expect(await echo(gateway)).toEqual(ECHOED)
  }, 400_000)
})
