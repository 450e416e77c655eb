/**
 * What an outage of Firestore does: the emulator is killed for a while and started again empty, while a caller goes on
 * calling. Prints whether calls and servers went on, what readiness and gauges said, and how often each record of the
 * outage is in Firestore afterwards. `node bench/store-outage.ts [seconds]`
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSettings } from '../src/config/load.ts'
import { startGateway } from '../src/gateway.ts'
import { openFirestore } from '../src/firestore/firestore.ts'
import { eventually } from '../test/support/eventually.ts'
import { startFirestoreEmulator } from '../test/support/firestore-emulator.ts'
import { IdentityProvider, newSigningKey, sign } from '../test/support/identity-provider.ts'
import { SHARED_KEYS } from '../test/support/shared-keys.ts'
import { silentLogger } from '../test/support/silent-logger.ts'

const PROJECT = 'demo-bench'
const outageSeconds = Number(process.argv[2] ?? 60)
let emulator = await startFirestoreEmulator()
process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
process.env['METADATA_SERVER_DETECTION'] = 'none'
const firestore = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
const provider = await IdentityProvider.start()
const key = await newSigningKey('bench')
provider.keys = [key.jwk]
const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-bench-'))
const gateway = await startGateway(
  loadSettings({
    PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: dataDir,
    ...SHARED_KEYS,
    STORE: 'firestore',
    OUTBOUND_ALLOW: '127.0.0.0/8',
    STDIO_SERVERS: 'any',
    GOOGLE_CLOUD_PROJECT: PROJECT,
    OIDC_ISSUER: provider.url,
    OIDC_AUDIENCE: 'bench',
  }),
  { logger: silentLogger },
)

try {
  const now = Math.floor(Date.now() / 1000)
  const claims = {
    iss: provider.url,
    aud: 'bench',
    sub: 'bench',
    tenant_id: 'acme',
    iat: now,
    exp: now + 3600,
  }
  const authorization = `Bearer ${await sign(key, claims)}`
  const server = {
    tenantId: 'acme',
    transport: 'stdio',
    package: '@modelcontextprotocol/server-everything',
    args: ['stdio'],
  }
  for (const name of ['a', 'b', 'c']) await firestore.db.doc(`mcp_servers/${name}`).set({ ...server, name })
  await eventually(async () => (await call('warm-up')) === 200, { timeoutMs: 20_000 })
  await eventually(async () => (await firestore.db.collection('tool_usage').get()).size > 0, {
    timeoutMs: 10_000,
  })

  await emulator.stop()
  const statuses: number[] = []
  const said = new Set<string>()
  const end = performance.now() + outageSeconds * 1000
  for (let index = 0; performance.now() < end; index += 1) {
    statuses.push(await call(`outage-${index}`))
    said.add(await gauges())
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const listed = gateway.statuses().filter(({ state }) => state === 'ready').length
  emulator = await startFirestoreEmulator({ port: emulator.port })
  const records = await eventually(
    async () => {
      const found = await firestore.db
        .collection('tool_usage')
        .get()
        .catch(() => undefined)
      const ids = found?.docs
        .map((document) => String(document.get('requestId')))
        .filter((id) => id.startsWith('outage-'))
      return ids !== undefined && new Set(ids).size >= statuses.length && ids
    },
    { timeoutMs: 60_000, intervalMs: 250, what: 'all records in Firestore' },
  )
  const kept = gateway.statuses().filter(({ state }) => state === 'ready').length
  const lines = [
    `calls in ${outageSeconds} s without Firestore: ${statuses.length}, answered: ${statuses.filter((status) => status === 200).length}`,
    `servers ready at the end of the outage: ${listed} of 3; with the empty database: ${kept} of 3`,
    `records of these calls in Firestore: ${records.length}, different ones: ${new Set(records).size}`,
    `what readiness and gauges said: ${[...said].join(' | ')} | afterwards: ${await gauges()}`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)

  async function call(requestId: string): Promise<number> {
    const headers = { authorization, 'content-type': 'application/json', 'x-request-id': requestId }
    const body = '{"arguments":{"message":"x"}}'
    const response = await fetch(`${gateway.url}/v1/tools/a_echo`, { method: 'POST', headers, body })
    await response.text()
    return response.status
  }

  /** Readiness, and whether the registry counts as old. */
  async function gauges(): Promise<string> {
    const ready = await fetch(`${gateway.url}/readyz`)
    const metrics = await (await fetch(gateway.metricsUrl ?? '')).text()
    const age = Number(/^gateway_registry_age (\S+)/m.exec(metrics)?.[1] ?? 0)
    const held = /^gateway_registry_held_removals (\S+)/m.exec(metrics)?.[1] ?? '0'
    return `readyz ${ready.status}, registry ${age > 20 ? 'older than 20 s' : 'fresh'}, held ${held}`
  }
} finally {
  await gateway.close()
  await firestore.close()
  await provider[Symbol.asyncDispose]()
  await emulator.stop()
  await rm(dataDir, { recursive: true, force: true })
}
