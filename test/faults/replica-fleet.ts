import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { openFirestore, type FirestoreClient } from '../../src/firestore/firestore.ts'
import { endsWithUs } from '../support/ends-with-us.ts'
import { eventually } from '../support/eventually.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { type GatewayProcess, spawnGateway } from '../support/gateway-process.ts'
import { IdentityProvider, newSigningKey, signFor, type SigningKey } from '../support/identity-provider.ts'
import { descendantsOf, isAlive } from '../support/process-tree.ts'
import { SHARED_KEYS } from '../support/shared-keys.ts'
import { RoundRobin } from './round-robin.ts'

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

function dataDir(dir: string, index: number): string {
  return join(dir, `data-${index}`)
}

/** Writes a registry file; JSON is YAML, too. */
async function writeRegistry(dir: string, servers: Readonly<Record<string, unknown>>): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  await writeFile(join(dir, 'registry.yaml'), JSON.stringify({ servers }), { mode: 0o600 })
}

async function startLedger(path: string): Promise<{ server: ChildProcess; url: string }> {
  const server = spawn(process.execPath, ['test/faults/ledger-server.ts', path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  endsWithUs(server)
  const [port] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
  return { server, url: `http://127.0.0.1:${port}/mcp` }
}

const AUDIENCE = 'https://gateway.example'

/**
 * Several gateways in processes of their own, with one issuer, behind one balancer: on one Firestore, or each with files,
 * so that they share nothing.
 */
export class ReplicaFleet {
  readonly proxy: RoundRobin
  readonly client: FirestoreClient
  readonly emulator: FirestoreEmulator
  /** By position; one that was killed is replaced by the next. */
  readonly gateways: GatewayProcess[] = []
  urls: string[] = []
  /** What all documents of servers have in common. */
  readonly usual: Readonly<Record<string, unknown>>
  /** Where each answers probes. */
  readonly probeUrls: string[] = []
  readonly #env: Record<string, string>
  readonly #provider: IdentityProvider
  readonly #key: SigningKey
  readonly #servers: ChildProcess[]
  readonly #dir: string
  readonly #seen = new Set<number>()

  private constructor(parts: {
    proxy: RoundRobin
    client: FirestoreClient
    emulator: FirestoreEmulator
    env: Record<string, string>
    provider: IdentityProvider
    key: SigningKey
    servers: ChildProcess[]
    dir: string
    usual: Record<string, unknown>
  }) {
    this.proxy = parts.proxy
    this.client = parts.client
    this.emulator = parts.emulator
    this.#env = parts.env
    this.#provider = parts.provider
    this.#key = parts.key
    this.#servers = parts.servers
    this.#dir = parts.dir
    this.usual = parts.usual
  }

  /** @param options.project its documents are those of this fleet only */
  static async start(options: {
    project: string
    replicas?: number
    /** Where the gateways keep everything; `firestore` by default. */
    store?: 'firestore' | 'file'
    env?: Record<string, string>
    /** Gets the URLs of two servers that have nothing in common; calls of the first one are in the ledger. */
    documents?: (ledgerUrl: string, otherUrl: string) => Record<string, Record<string, unknown>>
    pipelines?: Record<string, Record<string, unknown>>
  }): Promise<ReplicaFleet> {
    const dir = await mkdtemp(join(tmpdir(), 'tool-gateway-fleet-'))
    const emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    const client = openFirestore({ projectId: options.project, databaseId: '(default)' })
    const provider = await IdentityProvider.start()
    const key = await newSigningKey('first')
    provider.keys = [key.jwk]
    const ledgers = await Promise.all(['ledger', 'other-ledger'].map((file) => startLedger(join(dir, file))))
    const [url, otherUrl] = ledgers.map((ledger) => ledger.url) as [string, string]
    const usual = { transport: 'streamable-http', url, tenantId: 'acme', clientCapabilities: ['elicitation'] }
    const documents = {
      ledger: { ...usual, name: 'ledger' },
      counter: { ...usual, name: 'counter', sharing: 'session' },
      ...options.documents?.(url, otherUrl),
    }
    for (const [name, document] of Object.entries(documents))
      await client.db.doc(`mcp_servers/${name}`).set(document)
    for (const [name, document] of Object.entries(options.pipelines ?? {}))
      await client.db.doc(`pipelines/${name}`).set(document)
    const proxy = await RoundRobin.open()
    const replicas = options.replicas ?? 3
    if (options.store === 'file')
      for (let index = 0; index < replicas; index += 1) await writeRegistry(dataDir(dir, index), documents)
    const env = {
      ...SHARED_KEYS,
      ...(options.store !== 'file' && {
        STORE: 'firestore',
        GOOGLE_CLOUD_PROJECT: options.project,
        FIRESTORE_EMULATOR_HOST: emulator.host,
        METADATA_SERVER_DETECTION: 'none',
      }),
      OUTBOUND_ALLOW: '127.0.0.0/8',
      STDIO_SERVERS: 'any',
      METRICS_PORT: 'off',
      PUBLIC_URL: proxy.url,
      OIDC_ISSUER: provider.url,
      OIDC_AUDIENCE: AUDIENCE,
      ...options.env,
    }
    const fleet = new ReplicaFleet({
      proxy,
      client,
      emulator,
      env,
      provider,
      key,
      servers: ledgers.map(({ server }) => server),
      dir,
      usual,
    })
    await Promise.all(Array.from({ length: replicas }, (_none, index) => fleet.restart(index)))
    return fleet
  }

  token(claims: Record<string, unknown> = {}): Promise<string> {
    return signFor(this.#provider, this.#key, { roles: ['reader', 'operator', 'auditor'], ...claims })
  }

  /** Starts the gateway at a position, and resolves with its URL when it listens. */
  async begin(index: number): Promise<string> {
    const probePort = await freePort()
    const gateway = await spawnGateway({
      ...this.#env,
      DATA_DIR: dataDir(this.#dir, index),
      PROBE_PORT: String(probePort),
    })
    this.probeUrls[index] = `http://127.0.0.1:${probePort}`
    this.gateways[index] = gateway
    if (gateway.child.pid !== undefined) this.#seen.add(gateway.child.pid)
    const url = await gateway.url()
    this.urls[index] = url
    return url
  }

  /** Starts the gateway at a position, and resolves when it lists everything. */
  async restart(index: number): Promise<void> {
    const url = await this.begin(index)
    const token = await this.token()
    await eventually(
      async () => {
        const response = await fetch(`${url}/v1/tools`, { headers: { authorization: `Bearer ${token}` } })
        return response.ok && (await response.text()).includes('ledger_write')
      },
      { timeoutMs: 60_000, what: `the tools of replica ${index}` },
    )
    this.proxy.use(this.urls)
  }

  /** Kills a gateway as the system does when memory is out. */
  async kill(index: number): Promise<void> {
    this.gateways[index]?.child.kill('SIGKILL')
    await this.gateways[index]?.exited
  }

  /** Ids of the executed calls, in order. */
  async ledger(): Promise<string[]> {
    const text = await readFile(join(this.#dir, 'ledger'), 'utf8').catch(() => '')
    return text.split('\n').filter((line) => line !== '')
  }

  /** Ends everything; resolves with processes that are left. */
  async close(): Promise<number[]> {
    const pids = [...this.#seen].flatMap((pid) => [pid, ...descendantsOf(pid)])
    for (const gateway of this.gateways) await gateway.remove()
    for (const server of this.#servers) {
      const exited = once(server, 'exit')
      server.kill('SIGKILL')
      await exited
    }
    await this.proxy.close()
    await this.client.close()
    await this.emulator.stop()
    await this.#provider[Symbol.asyncDispose]()
    await rm(this.#dir, { recursive: true, force: true })
    return pids.filter(isAlive)
  }
}
