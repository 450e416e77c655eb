import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { type FirestoreClient, openFirestore } from '../../src/firestore/firestore.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { browserOf, textIn, withAccounts } from '../support/account-world.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { eventually } from '../support/eventually.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { IdentityProvider, newSigningKey, signFor, type SigningKey } from '../support/identity-provider.ts'
import { ProtectedServer } from '../support/protected-server.ts'
import { SHARED_KEYS } from '../support/shared-keys.ts'
import { silentLogger } from '../support/silent-logger.ts'

const PROJECT = 'demo-accounts'
const CALLS = 50
const FIRST_TTL = 1

let emulator: FirestoreEmulator
let client: FirestoreClient
let provider: IdentityProvider
let key: SigningKey
let notes: ProtectedServer
const folders: string[] = []
const replicas: Gateway[] = []

async function startReplica(): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-accounts-'))
  folders.push(dataDir)
  const settings = loadSettings({
    PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: dataDir,
    ...SHARED_KEYS,
    VAULT_KEYS: 'c'.repeat(64),
    STORE: 'firestore',
    OUTBOUND_ALLOW: '127.0.0.0/8',
    STDIO_SERVERS: 'any',
    GOOGLE_CLOUD_PROJECT: PROJECT,
    OIDC_ISSUER: 'https://platform.example',
    OIDC_AUDIENCE: 'https://gateway.example',
  })
  return startGateway(settings, { logger: silentLogger })
}

/** The text that a tool answers; a replica that is overloaded is asked again. */
function call(gateway: Gateway, sub: string, tool: string): Promise<string> {
  return eventually(async () => {
    const text = await callOnce(gateway, sub, tool)
    return text === 'overloaded' ? undefined : text
  })
}

async function callOnce(gateway: Gateway, sub: string, tool: string): Promise<string> {
  const response = await fetch(`${gateway.url}/v1/tools/${tool}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await signFor(provider, key, { sub })}`,
      'content-type': 'application/json',
    },
    body: '{"arguments":{}}',
  })
  return textIn((await response.json()) as Record<string, unknown>)
}

async function connect(gateway: Gateway, subject: string): Promise<void> {
  const at = { url: gateway.url, stateKey: SHARED_KEYS.STATE_KEY, tenantId: 'acme' }
  const browser = await browserOf(subject, at, [notes])
  const page = await browser.submit(await browser.open(`${gateway.url}/connect/notes`))
  expect(page.text).toContain('notes is connected')
}

describeWithEmulator('replicas', () => {
  beforeAll(async () => {
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    client = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
    provider = await IdentityProvider.start()
    key = await newSigningKey('first')
    provider.keys = [key.jwk]
    notes = await ProtectedServer.start({ firstTtl: FIRST_TTL })
    await client.db.doc('tenants/acme').set({ issuers: [{ issuer: provider.url }] })
    await client.db.doc('mcp_servers/notes').set({ ...withAccounts(notes), name: 'notes', tenantId: 'acme' })
    replicas.push(...(await Promise.all([1, 2, 3].map(startReplica))))
  })

  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()))
    await client.close()
    await emulator.stop()
    await provider[Symbol.asyncDispose]()
    await notes.close()
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
  })

  test('use an account that was connected at one of them, and list its tools', async () => {
    const [first, ...others] = replicas as [Gateway, Gateway, Gateway]
    await eventually(async () => (await call(first, 'ann', 'notes_connect')) === 'credential_required')
    await connect(first, 'ann')
    const texts = others.map((replica) =>
      eventually(async () => {
        const text = await call(replica, 'ann', 'notes_whoami')
        return text === 'tool_not_found' ? undefined : text
      }),
    )
    expect(await Promise.all(texts)).toEqual(['ann-there', 'ann-there'])
  })

  test('renew a token that has expired once, under the calls of all of them', async () => {
    await connect(replicas[0] as Gateway, 'bob')
    const connectedAt = Date.now()
    await eventually(() => Date.now() > connectedAt + FIRST_TTL * 1000)
    const texts = await Promise.all(
      Array.from({ length: CALLS }, (_, index) =>
        call(replicas[index % 3] as Gateway, 'bob', 'notes_whoami'),
      ),
    )
    expect(new Set(texts)).toEqual(new Set(['bob-there']))
    // Also when the connection that lists the tools was the first to notice.
    expect(notes.granted('refresh_token', 'bob-there')).toBe(1)
    expect(notes.grants.filter(({ status }) => status !== 200)).toEqual([])
  })

  test('forget an account that is disconnected at one of them', async () => {
    const [first, second] = replicas as [Gateway, Gateway, Gateway]
    await connect(first, 'cid')
    await eventually(async () => (await call(second, 'cid', 'notes_whoami')) === 'cid-there')
    const response = await fetch(`${first.url}/v1/connections/notes`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${await signFor(provider, key, { sub: 'cid' })}` },
    })
    expect(await response.json()).toMatchObject({ disconnected: true, revoked: true })
    await eventually(async () => (await call(second, 'cid', 'notes_whoami')) === 'credential_required')
  })

  test('store nothing that opens without the keys of the vault', async () => {
    const { docs } = await client.db.collection('gateway_state').get()
    const text = JSON.stringify(docs.map((document) => document.data()))
    expect(text).toContain('account/acme/ann')
    for (const secret of notes.secrets) expect(text).not.toContain(secret)
  })
})
