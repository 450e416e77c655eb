import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { type FirestoreClient, openFirestore } from '../../src/firestore/firestore.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { approvalIn } from '../support/approval-world.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { eventually } from '../support/eventually.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { IdentityProvider, newSigningKey, signFor, type SigningKey } from '../support/identity-provider.ts'
import { connectClient } from '../support/mcp-clients.ts'
import { SHARED_KEYS } from '../support/shared-keys.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { askRest } from '../support/start-gateway.ts'
import { type Ledger, ledgerHttp } from '../support/upstreams/ledger-http.ts'

const PROJECT = 'demo-approvals'

type Fields = Record<string, unknown>

let emulator: FirestoreEmulator
let client: FirestoreClient
let provider: IdentityProvider
let key: SigningKey
let ledger: Ledger
const folders: string[] = []
const replicas: Gateway[] = []

async function startReplica(): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-approvals-'))
  folders.push(dataDir)
  const settings = loadSettings({
    PORT: '0',
    METRICS_PORT: '0',
    DATA_DIR: dataDir,
    ...SHARED_KEYS,
    STORE: 'firestore',
    GOOGLE_CLOUD_PROJECT: PROJECT,
    OIDC_ISSUER: 'https://platform.example',
    OIDC_AUDIENCE: 'https://gateway.example',
    OUTBOUND_ADDRESSES: 'any',
  })
  return startGateway(settings, { logger: silentLogger })
}

const token = (sub: string): Promise<string> =>
  signFor(provider, key, { sub, ...(sub === 'bob' && { roles: ['approver'] }) })

async function call(gateway: Gateway, sub: string, given: Fields) {
  return askRest(gateway.url, await token(sub), 'POST', '/v1/tools/files_drop', { arguments: given })
}

async function approve(gateway: Gateway, id: string) {
  return askRest(gateway.url, await token('bob'), 'POST', `/v1/approvals/${id}/approve`, {})
}

describeWithEmulator('two replicas', () => {
  beforeAll(async () => {
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    client = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
    provider = await IdentityProvider.start()
    key = await newSigningKey('first')
    provider.keys = [key.jwk]
    ledger = await ledgerHttp()
    await client.db.doc('tenants/acme').set({ issuers: [{ issuer: provider.url }] })
    await client.db.doc('mcp_servers/files').set({
      name: 'files',
      tenantId: 'acme',
      transport: 'streamable-http',
      url: ledger.url,
      tools: { drop: { approval: 'caller' } },
    })
    replicas.push(...(await Promise.all([startReplica(), startReplica()])))
    for (const replica of replicas)
      await eventually(async () => (await call(replica, 'warm', {})).body['code'] === 'approval_required', {
        what: 'a server that is ready',
      })
  })

  afterAll(async () => {
    await Promise.all(replicas.map((replica) => replica.close()))
    await client.close()
    await emulator.stop()
    await provider[Symbol.asyncDispose]()
    await ledger.close()
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
  })

  test('know the same request, and the yes that one of them gets is used once, at either of them', async () => {
    const [first, second] = replicas as [Gateway, Gateway]
    const given = { path: 'a' }
    const asked = await Promise.all(replicas.map((replica) => call(replica, 'ann', given)))
    const ids = asked.map(({ body }) => approvalIn(body))
    expect(ids[0]).toBe(ids[1])
    const answers = await Promise.all(replicas.map((replica) => approve(replica, ids[0] ?? '')))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 409])
    const calls = await Promise.all([first, second, first, second].map((each) => call(each, 'ann', given)))
    expect(calls.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403, 403, 403])
    expect((await call(first, 'ann', given)).body['code']).toBe('approval_required')
    expect(ledger.calls).toHaveLength(1)
  })

  test('let a yes for one call be none for other arguments or another caller, at either of them', async () => {
    ledger.calls.splice(0)
    const given = { path: 'c' }
    const [first, second] = replicas as [Gateway, Gateway]
    await approve(second, approvalIn((await call(first, 'ann', given)).body))
    const others = await Promise.all(
      replicas.flatMap((each) => [call(each, 'ann', { path: 'd' }), call(each, 'cid', given)]),
    )
    expect(others.map(({ body }) => body['code'])).toEqual(Array(4).fill('approval_required'))
    expect(ledger.calls).toEqual([])
    expect((await call(second, 'ann', given)).status).toBe(200)
  })

  test('a call that waits at one of them goes on with the yes that the other gets', async () => {
    const [first, second] = replicas as [Gateway, Gateway]
    ledger.calls.splice(0)
    const agent = await connectClient('modern', first.url, await token('ann'), {
      capabilities: { elicitation: { url: {} } },
      prepare: (prepared) =>
        prepared.setRequestHandler('elicitation/create', ({ params }) => {
          const url = 'url' in params ? params.url : ''
          void approve(second, url.slice(url.lastIndexOf('/') + 1))
          return { action: 'accept' }
        }),
    })
    const { content } = await agent.callTool({ name: 'files_drop', arguments: { path: 'b' } })
    expect(content).toEqual([{ type: 'text', text: 'done' }])
    expect(ledger.calls).toHaveLength(1)
    await agent.close()
  })
})
