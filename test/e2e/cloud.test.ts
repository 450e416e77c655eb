import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { type FirestoreClient, openFirestore } from '../../src/firestore/firestore.ts'
import { everything } from '../support/documents.ts'
import { eventually } from '../support/eventually.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { IdentityProvider, newSigningKey, signFor, type SigningKey } from '../support/identity-provider.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { SHARED_KEYS } from '../support/shared-keys.ts'
import { silentLogger } from '../support/silent-logger.ts'

const PROJECT = 'demo-cloud'
const SERVER = { ...everything, tenantId: 'acme', name: 'tools', requiredRoles: ['reader'] }

let emulator: FirestoreEmulator
let client: FirestoreClient
let provider: IdentityProvider
let key: SigningKey
let dataDir: string
let gateway: Gateway

function token(claims: Record<string, unknown> = {}): Promise<string> {
  return signFor(provider, key, { roles: ['reader', 'operator', 'auditor'], ...claims })
}

async function ask(
  path: string,
  options: RequestInit = {},
  claims: Record<string, unknown> = {},
): Promise<{ status: number; body: Record<string, unknown> }> {
  const headers = { authorization: `Bearer ${await token(claims)}`, 'content-type': 'application/json' }
  const response = await fetch(gateway.url + path, { ...options, headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

describeWithEmulator('with Firestore as its store, the gateway', () => {
  beforeAll(async () => {
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    client = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
    provider = await IdentityProvider.start()
    key = await newSigningKey('first')
    provider.keys = [key.jwk]
    await client.db.doc('tenants/acme').set({ issuers: [{ issuer: provider.url }] })
    dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-cloud-'))
    gateway = await startGateway(
      loadSettings({
        PORT: '0',
        METRICS_PORT: '0',
        DATA_DIR: dataDir,
        ...SHARED_KEYS,
        STORE: 'firestore',
        OUTBOUND_ALLOW: '127.0.0.0/8',
        STDIO_SERVERS: 'any',
        GOOGLE_CLOUD_PROJECT: PROJECT,
        OIDC_ISSUER: 'https://platform.example',
        OIDC_AUDIENCE: 'https://gateway.example',
      }),
      { logger: silentLogger },
    )
  })

  afterAll(async () => {
    await gateway.close()
    await client.close()
    await emulator.stop()
    await provider[Symbol.asyncDispose]()
    await rm(dataDir, { recursive: true, force: true })
  })

  test('accepts the tokens of the issuer that a tenant document names, for that tenant only', async () => {
    await eventually(async () => (await ask('/v1/tools')).status === 200)
    expect(await ask('/v1/tools', {}, { tenant_id: 'globex' })).toMatchObject({
      status: 401,
      body: { code: 'invalid_token' },
    })
  })

  test('follows documents that are created, edited and deleted, on an open session', async () => {
    const sse = await connectClient('sse', gateway.url, await token())
    const listed = async (): Promise<string[]> => (await sse.listTools()).tools.map(({ name }) => name)
    expect(await listed()).toEqual([])
    const document = client.db.doc('mcp_servers/tools')
    await document.set(SERVER)
    await eventually(async () => (await listed()).includes('tools_echo'))
    await document.update({ tools: { exclude: ['echo'] } })
    await eventually(async () => !(await listed()).includes('tools_echo'))
    await document.update({ requiredRoles: ['admin'] })
    await eventually(async () => (await listed()).length === 0)
    await document.delete()
    await eventually(async () => ((await ask('/v1/servers')).body['servers'] as unknown[]).length === 0)
    await sse.close()
  })

  test('writes each call once into tool_usage, without its arguments, and pages through it', async () => {
    await client.db.doc('mcp_servers/tools').set(SERVER)
    await eventually(async () => (await ask('/v1/tools/tools_echo')).status === 200)
    const call = await ask('/v1/tools/tools_echo', {
      method: 'POST',
      body: '{"arguments":{"message":"not-to-be-kept"}}',
    })
    expect(call.status).toBe(200)
    const documents = await eventually(async () => {
      const found = await client.db.collection('tool_usage').where('target', '==', 'tools_echo').get()
      return found.size === 1 && found.docs
    })
    expect(documents[0]?.data()).toMatchObject({
      tenantId: 'acme',
      subject: 'ann',
      outcome: 'ok',
      server: 'tools',
    })
    expect(JSON.stringify(documents[0]?.data())).not.toContain('not-to-be-kept')
    const { body } = await ask('/v1/audit?target=tools_echo')
    expect(body['records']).toEqual([expect.objectContaining({ outcome: 'ok', server: 'tools' })])
  })

  test('quarantines a document that is not valid, and says why where operators look', async () => {
    await client.db.doc('mcp_servers/broken').set({ ...SERVER, name: 'broken', args: 'not a list' })
    const status = await eventually(async () => {
      const document = await client.db.doc('mcp_server_status/broken').get()
      return document.exists && document.data()
    })
    expect(status).toMatchObject({
      tenantId: 'acme',
      state: 'quarantined',
      reason: expect.stringContaining('args'),
    })
    const { body } = await ask('/v1/servers')
    expect(body['quarantined']).toEqual([expect.objectContaining({ name: 'broken' })])
    await client.db.doc('mcp_servers/broken').delete()
  })

  test('refuses servers at addresses that the policy for outgoing requests does not allow, by REST and in Firestore', async () => {
    const document = { name: 'inside', transport: 'streamable-http', url: 'http://10.0.0.7:8080/mcp' }
    const reason =
      'url: 10.0.0.7 is an address of a private network, which the setting OUTBOUND_ALLOW does not list'
    expect(await ask('/v1/servers', { method: 'POST', body: JSON.stringify(document) })).toMatchObject({
      status: 422,
      body: { code: 'invalid_document', problems: [reason] },
    })
    await client.db.doc('mcp_servers/inside').set({ ...document, tenantId: 'acme' })
    const { body } = await eventually(async () => {
      const answer = await ask('/v1/servers')
      const quarantined = answer.body['quarantined'] as { name: string }[]
      return quarantined.some(({ name }) => name === 'inside') && answer
    })
    expect(body['quarantined']).toContainEqual(expect.objectContaining({ name: 'inside', reason }))
    await client.db.doc('mcp_servers/inside').delete()
  })

  test('writes servers through REST into Firestore', async () => {
    const document = { name: 'remote', transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' }
    const created = await ask('/v1/servers', { method: 'POST', body: JSON.stringify(document) })
    expect(created.status).toBe(201)
    expect((await client.db.doc('mcp_servers/acme.remote').get()).data()).toMatchObject({
      tenantId: 'acme',
      ...document,
    })
    const stdio = { name: 'shell', transport: 'stdio', command: 'sh' }
    expect(await ask('/v1/servers', { method: 'POST', body: JSON.stringify(stdio) })).toMatchObject({
      status: 403,
    })
  })
})
