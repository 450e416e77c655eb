/**
 * How long an edit in Firestore takes until the gateway has taken it over: from before the write is sent until the
 * registry source hands over the snapshot with it. Against the emulator: `node bench/registry-propagation.ts [edits]`.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadSettings } from '../src/config/load.ts'
import { systemClock } from '../src/domain/clock.ts'
import type { Snapshot } from '../src/domain/snapshot.ts'
import { FirestoreSource } from '../src/registry/firestore/firestore-source.ts'
import { TenantDirectory } from '../src/registry/tenants.ts'
import { withDeadline } from '../src/firestore/deadline.ts'
import { openFirestore } from '../src/firestore/firestore.ts'
import { firestoreDocuments } from '../src/firestore/firestore-documents.ts'
import { createLogger } from '../src/telemetry/logger.ts'
import { startFirestoreEmulator } from '../test/support/firestore-emulator.ts'

const edits = Number(process.argv[2] ?? 50)
const WARM_UP = 5
const LIMIT_MS = 10_000

process.env['METADATA_SERVER_DETECTION'] = 'none'
const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-bench-'))
const emulator = await startFirestoreEmulator()
process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
const settings = loadSettings({
  STORE: 'firestore',
  OUTBOUND_ALLOW: '127.0.0.0/8',
  STDIO_SERVERS: 'any',
  GOOGLE_CLOUD_PROJECT: 'demo-bench',
  DATA_DIR: dataDir,
})
if (settings.firestore === undefined) throw new Error('no database')
const [gateway, operator] = [openFirestore(settings.firestore), openFirestore(settings.firestore)]
const source = new FirestoreSource({
  store: firestoreDocuments(gateway.db, { clock: systemClock }),
  directory: new TenantDirectory({ defaults: settings.issuerDefaults, reservedIssuers: [] }),
  lastGoodFile: join(dataDir, 'last-good-registry.json'),
  database: JSON.stringify(settings.firestore),
  clock: systemClock,
  random: Math.random,
  logger: createLogger({ level: 'warn', format: 'pretty' }),
  probeMs: settings.registryProbeMs,
})
const server = { tenantId: 'acme', transport: 'stdio', command: 'node' }
let onSnapshot: (snapshot: Snapshot) => void = () => {}

try {
  await source.start((snapshot) => onSnapshot(snapshot))
  const rows = [
    await measure('created', (index) =>
      operator.db.doc(`mcp_servers/${nameOf(index)}`).create({ ...server, description: `created ${index}` }),
    ),
    await measure('edited', (index) =>
      operator.db.doc(`mcp_servers/${nameOf(index)}`).update({ description: `edited ${index}` }),
    ),
    await measure('deleted', (index) => operator.db.doc(`mcp_servers/${nameOf(index)}`).delete()),
  ]
  process.stdout.write(`${edits} documents each, from the write to the snapshot, milliseconds\n`)
  for (const row of rows) process.stdout.write(`${row}\n`)
} finally {
  await source.close()
  await Promise.all([gateway.close(), operator.close()])
  await emulator.stop()
  await rm(dataDir, { recursive: true, force: true })
}

async function measure(
  title: 'created' | 'edited' | 'deleted',
  write: (index: number) => Promise<unknown>,
): Promise<string> {
  const times: number[] = []
  for (let index = -WARM_UP; index < edits; index += 1) {
    const expected = title === 'deleted' ? undefined : `${title} ${index}`
    const seen = new Promise<number>((resolve) => {
      onSnapshot = ({ servers }) => {
        if (servers.get(`acme/${nameOf(index)}`)?.description === expected) resolve(performance.now())
      }
    })
    const before = performance.now()
    await write(index)
    times.push((await withDeadline(systemClock, seen, LIMIT_MS, `${title} ${index}`)) - before)
  }
  times.splice(0, WARM_UP)
  times.sort((a, b) => a - b)
  const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(1).padStart(6)
  return `${title.padEnd(8)} p50 ${at(0.5)}   p99 ${at(0.99)}`
}

function nameOf(index: number): string {
  return `server-${index + WARM_UP}`
}
