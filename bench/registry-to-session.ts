/**
 * Time from the write of a registry document in Firestore until an SSE client has the changed list: STORE=firestore on
 * the emulator, an identity provider on loopback, one session, edits of one document after each other.
 * `node bench/registry-to-session.ts [edits]`
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
import { connectClient } from '../test/support/mcp-clients.ts'
import { SHARED_KEYS } from '../test/support/shared-keys.ts'
import { silentLogger } from '../test/support/silent-logger.ts'

const PROJECT = 'demo-bench'
const edits = Number(process.argv[2] ?? 50)
const emulator = await startFirestoreEmulator()
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
    METRICS_PORT: 'off',
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
  const client = await connectClient('sse', gateway.url, await sign(key, claims))
  const document = firestore.db.doc('mcp_servers/tools')
  await document.set({
    tenantId: 'acme',
    name: 'tools',
    transport: 'stdio',
    package: '@modelcontextprotocol/server-everything',
    args: ['stdio'],
  })
  const describes = async (text: string): Promise<boolean> =>
    (await client.listTools()).tools.some(({ description }) => description === text)
  await eventually(async () => (await client.listTools()).tools.length > 0)
  const times: number[] = []
  for (let edit = 0; edit < edits; edit += 1) {
    const text = `edit ${edit}`
    const changed = Promise.withResolvers<number>()
    client.setNotificationHandler('notifications/tools/list_changed', async () => {
      if (await describes(text)) changed.resolve(performance.now())
    })
    const before = performance.now()
    await document.update({ tools: { echo: { description: text } } })
    times.push((await changed.promise) - before)
  }
  await client.close()
  times.sort((a, b) => a - b)
  const at = (share: number): string =>
    (times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0).toFixed(0)
  process.stdout.write(
    `${edits} edits until an SSE client has the changed list: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms\n`,
  )
} finally {
  await gateway.close()
  await firestore.close()
  await provider[Symbol.asyncDispose]()
  await emulator.stop()
  await rm(dataDir, { recursive: true, force: true })
}
