import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { LocalIssuer } from '../../src/identity/local-issuer.ts'
import { loadSettings } from '../../src/config/load.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { openFirestore } from '../../src/firestore/firestore.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { eventually } from '../support/eventually.ts'
import { startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { IdentityProvider, newSigningKey, signFor } from '../support/identity-provider.ts'
import { SHARED_KEYS } from '../support/shared-keys.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { soak } from '../support/soak.ts'
import { type RelayedServer, relayedServer } from '../support/stdio-relay.ts'
import { servingSample } from '../support/upstreams/stdio-servers.ts'

const KILLS = soak(3, 1)
const CALLS = soak(30, 15)
const AT_ONCE = 3

let relayed: RelayedServer
let dataDir: string
let running: GatewayProcess[]
let next: Gateway | undefined

beforeAll(async () => {
  relayed = await relayedServer(servingSample('legacy'))
})

afterAll(() => relayed.close())

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-killed-'))
  running = []
})

afterEach(async () => {
  await next?.close()
  next = undefined
  for (const gateway of running) await gateway.remove()
  await rm(dataDir, { recursive: true, force: true })
})

async function start(env: Record<string, string> = {}): Promise<{ gateway: GatewayProcess; url: string }> {
  const gateway = await spawnGateway({ DATA_DIR: dataDir, METRICS_PORT: 'off', ...env })
  running.push(gateway)
  return { gateway, url: await gateway.url() }
}

/** The next gateway on the same data, in this process. */
async function startNext(env: Record<string, string>): Promise<Gateway> {
  const settings = loadSettings({ PORT: '0', METRICS_PORT: 'off', DATA_DIR: dataDir, ...env })
  next = await startGateway(settings, { logger: silentLogger })
  return next
}

async function call(url: string, token: string, requestId: string): Promise<number> {
  const response = await fetch(`${url}/v1/tools/tools_echo`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'x-request-id': requestId,
    },
    body: '{"arguments":{"message":"hello"}}',
  })
  await response.text()
  return response.status
}

/** Calls, some at once, and kills the gateway with the last answer. Resolves with the ids of those answered. */
async function callsUntilKilled(
  { gateway, url }: { gateway: GatewayProcess; url: string },
  token: string,
  round: string,
): Promise<string[]> {
  const answered: string[] = []
  const callInTurn = async (caller: number): Promise<void> => {
    for (let index = 0; index < CALLS; index += 1) {
      const id = `${round}-${caller}-${index}`
      const status = await call(url, token, id).catch(() => undefined)
      if (status === undefined) return
      expect(status).toBe(200)
      answered.push(id)
      if (answered.length === CALLS * AT_ONCE - AT_ONCE) gateway.child.kill('SIGKILL')
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, (_, caller) => callInTurn(caller)))
  await gateway.exited
  return answered
}

const ready = (url: string, token: string): Promise<unknown> =>
  eventually(async () => (await call(url, token, 'warm-up')) === 200, { what: 'an echo' })

test('a gateway that is killed has the record of every call that it answered, once', async () => {
  await writeFile(
    join(dataDir, 'registry.yaml'),
    JSON.stringify({ servers: { tools: { ...relayed.document, requiredRoles: ['reader'] } } }),
  )
  const issuer = await LocalIssuer.open({ dir: dataDir, clock: systemClock })
  const token = await issuer.issue({
    tenantId: 'local',
    subject: 'ann',
    roles: ['reader', 'auditor'],
    ttlMs: 600_000,
  })
  const answered: string[] = []
  for (let kill = 0; kill < KILLS; kill += 1) {
    const started = await start()
    await ready(started.url, token)
    answered.push(...(await callsUntilKilled(started, token, `round-${kill}`)))
  }
  expect(answered.length).toBeGreaterThanOrEqual(KILLS * (CALLS - 1) * AT_ONCE)
  const { url } = await startNext({})
  const recorded: string[] = []
  let cursor: string | undefined = ''
  while (cursor !== undefined) {
    const response = await fetch(
      `${url}/v1/audit?target=tools_echo&limit=100${cursor && `&cursor=${cursor}`}`,
      {
        headers: { authorization: `Bearer ${token}` },
      },
    )
    const page = (await response.json()) as { records: { requestId: string }[]; nextCursor?: string }
    recorded.push(...page.records.map(({ requestId }) => requestId))
    cursor = page.nextCursor
  }
  expect(answered.filter((id) => !recorded.includes(id))).toEqual([])
  const ofCalls = recorded.filter((id) => id !== 'warm-up')
  expect(new Set(ofCalls).size).toBe(ofCalls.length)
}, 120_000)

describeWithEmulator('a gateway that is killed while Firestore does not answer', () => {
  test('leaves the record of every call that it answered to its next start, which delivers it once', async () => {
    const emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    const client = openFirestore({ projectId: 'demo-killed', databaseId: '(default)' })
    const provider = await IdentityProvider.start()
    try {
      const key = await newSigningKey('first')
      provider.keys = [key.jwk]
      // The first write to a new emulator may take its time.
      await eventually(
        async () => {
          const batch = client.db.batch()
          batch.set(client.db.doc('tenants/acme'), { issuers: [{ issuer: provider.url }] })
          const server = { ...relayed.document, requiredRoles: ['reader'], tenantId: 'acme', name: 'tools' }
          batch.set(client.db.doc('mcp_servers/tools'), server)
          return await batch.commit().catch(() => undefined)
        },
        { what: 'the registry written' },
      )
      const token = await signFor(provider, key)
      const env = {
        ...SHARED_KEYS,
        STORE: 'firestore',
        OUTBOUND_ALLOW: '127.0.0.0/8',
        STDIO_SERVERS: 'any',
        GOOGLE_CLOUD_PROJECT: 'demo-killed',
        OIDC_ISSUER: 'https://platform.example',
        OIDC_AUDIENCE: 'https://gateway.example',
      }
      const started = await start(env)
      await ready(started.url, token)
      emulator.freeze()
      const answered = await callsUntilKilled(started, token, 'killed')
      expect(answered.length).toBeGreaterThanOrEqual((CALLS - 1) * AT_ONCE)
      emulator.thaw()
      await startNext(env)
      const recorded = await eventually(
        async () => {
          const { docs } = await client.db.collection('tool_usage').where('outcome', '==', 'ok').get()
          const ids = docs.map((document) => String(document.get('requestId')))
          return answered.every((id) => ids.includes(id)) && ids
        },
        { what: 'the record of every call that was answered' },
      )
      const ofCalls = recorded.filter((id) => id !== 'warm-up')
      expect(new Set(ofCalls).size).toBe(ofCalls.length)
    } finally {
      await next?.close()
      await client.close()
      await provider[Symbol.asyncDispose]()
      await emulator.stop()
    }
  }, 120_000)
})
