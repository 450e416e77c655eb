import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { loadSettings } from '../../src/config/load.ts'
import { openFirestore } from '../../src/firestore/firestore.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import type { Outbound } from '../../src/outbound/outbound.ts'
import { startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { freePort } from '../support/free-port.ts'
import { type PersonProvider, startPersonProvider } from '../support/person-provider.ts'
import { SHARED_KEYS } from '../support/shared-keys.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { startTestGateway } from '../support/start-gateway.ts'
import { eventually } from '../support/eventually.ts'
import { modernHttp } from '../support/upstreams/sample-http.ts'
import { Person } from './person.ts'

/** A gateway that clients connect to, and how a person comes to be signed in at it. */
export interface World extends AsyncDisposable {
  readonly title: string
  readonly gateway: Gateway
  /** A new browser of a person. */
  readonly person: (browser: Browser) => Promise<Person>
}

const PROJECT = 'demo-clients-matrix'
const TENANTS = ['acme', 'globex'] as const
const PROVIDER_SECRET = 'secret-of-the-gateway-at-the-provider'

/** A fresh gateway on this machine: one process, SQLite, the one-time link. */
export async function embeddedWorld(documents: Outbound): Promise<World> {
  const upstream = await modernHttp()
  const server = { transport: 'streamable-http', url: upstream.url }
  const { gateway, close } = await startTestGateway({ sample: server }, { documents })
  return {
    title: 'embedded',
    gateway,
    person: (browser) => Person.open(browser, { signInLink: gateway.signInLink?.() ?? '' }),
    [Symbol.asyncDispose]: async () => {
      await close()
      await upstream.close()
    },
  }
}

/**
 * A gateway in the cloud mode: Firestore, and two tenants that each have an OpenID provider, at which persons sign in.
 * Resolves with the world of each tenant; the first one's end ends all.
 */
export async function cloudWorlds(documents: Outbound): Promise<readonly World[]> {
  await using stack = new AsyncDisposableStack()
  const upstream = await modernHttp()
  stack.defer(() => upstream.close())
  const port = await freePort()
  const publicUrl = `http://127.0.0.1:${port}`
  const providers = new Map<string, PersonProvider>()
  for (const tenant of TENANTS) {
    const provider = await startPersonProvider(() => `${publicUrl}/signin/callback/${tenant}`)
    provider.next = { sub: `ann-of-${tenant}`, claims: { groups: ['staff'] } }
    providers.set(tenant, provider)
    stack.defer(() => provider.close())
  }
  const emulator = await startFirestoreEmulator()
  stack.defer(() => emulator.stop())
  process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
  process.env['METADATA_SERVER_DETECTION'] = 'none'
  process.env['PROVIDER_SECRET'] = PROVIDER_SECRET
  await writeDocuments(providers, upstream.url)
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-clients-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const gateway = await startGateway(
    loadSettings({
      PORT: String(port),
      METRICS_PORT: '0',
      DATA_DIR: dataDir,
      ...SHARED_KEYS,
      STORE: 'firestore',
      GOOGLE_CLOUD_PROJECT: PROJECT,
      OUTBOUND_ALLOW: '127.0.0.0/8',
      OAUTH_SERVER: 'on',
      SECRETS_ENV: TENANTS.map((tenant) => `${tenant}_login=PROVIDER_SECRET`).join(','),
      // Persons of the two tenants sign in at their own; this one is nobody's.
      OIDC_ISSUER: 'https://platform.example',
      OIDC_AUDIENCE: publicUrl,
    }),
    { logger: silentLogger, documents },
  )
  stack.defer(async () => void (await gateway.close()))
  await eventually(() => gateway.statuses().some(({ state }) => state === 'ready'), {
    what: 'a ready server',
  })
  const everything = stack.move()
  return TENANTS.map((tenant, index) => ({
    title: `cloud, ${tenant}`,
    gateway,
    person: (browser) => Person.open(browser, { tenant }),
    [Symbol.asyncDispose]: async () => {
      if (index === 0) await everything.disposeAsync()
    },
  }))
}

async function writeDocuments(
  providers: ReadonlyMap<string, PersonProvider>,
  serverUrl: string,
): Promise<void> {
  const client = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
  for (const [tenant, { url: issuer }] of providers) {
    const signIn = {
      clientId: 'gateway',
      clientSecret: `secret://${tenant}_login`,
      roles: { staff: ['reader'] },
    }
    await client.db
      .doc(`tenants/${tenant}`)
      .set({ issuers: [{ issuer, claims: { roles: 'groups' }, signIn }] })
  }
  const server = { name: 'sample', tenantId: '*', transport: 'streamable-http', url: serverUrl }
  await client.db.doc('mcp_servers/sample').set(server)
  await client.close()
}
