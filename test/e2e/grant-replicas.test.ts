import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { type FirestoreClient, openFirestore } from '../../src/firestore/firestore.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { sessionCookie } from '../support/account-world.ts'
import { CookieBrowser } from '../support/cookie-browser.ts'
import { describeWithEmulator } from '../support/describe-with-emulator.ts'
import { eventually } from '../support/eventually.ts'
import { type FirestoreEmulator, startFirestoreEmulator } from '../support/firestore-emulator.ts'
import { freePort } from '../support/free-port.ts'
import { askToken, codeRequest, newClient, redeem } from '../support/oauth-client.ts'
import { SHARED_KEYS } from '../support/shared-keys.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { askRest } from '../support/start-gateway.ts'

const PROJECT = 'demo-grant-replicas'

let emulator: FirestoreEmulator
let client: FirestoreClient
let issuer: string
const folders: string[] = []
let first: Gateway
let second: Gateway

async function startReplica(port: string): Promise<Gateway> {
  const dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-grants-'))
  folders.push(dataDir)
  const settings = loadSettings({
    PORT: port,
    METRICS_PORT: '0',
    DATA_DIR: dataDir,
    ...SHARED_KEYS,
    STORE: 'firestore',
    OAUTH_SERVER: 'on',
    PUBLIC_URL: issuer,
    GOOGLE_CLOUD_PROJECT: PROJECT,
    OIDC_ISSUER: 'https://platform.example',
    OIDC_AUDIENCE: 'https://gateway.example',
  })
  return startGateway(settings, { logger: silentLogger })
}

/** What a client gets that ann allows at the first replica, for everything. */
async function approved(): Promise<{ clientId: string; access: string; refresh: string }> {
  const browser = new CookieBrowser(issuer)
  const at = { url: issuer, stateKey: SHARED_KEYS.STATE_KEY, tenantId: 'acme' }
  browser.setCookie(...(await sessionCookie('ann', at)))
  const clientId = await newClient(issuer)
  const flow = codeRequest(issuer, clientId, { resource: issuer })
  const back = await browser.submit(await browser.open(flow.url), { decision: 'allow' })
  const { body } = await redeem(issuer, { clientId, flow, back })
  return { clientId, access: String(body['access_token']), refresh: String(body['refresh_token']) }
}

const statusAt = async (gateway: Gateway, token: string): Promise<number> =>
  (await askRest(gateway.url, token, 'GET', '/v1/whoami')).status

describeWithEmulator('a grant', () => {
  beforeAll(async () => {
    emulator = await startFirestoreEmulator()
    process.env['FIRESTORE_EMULATOR_HOST'] = emulator.host
    process.env['METADATA_SERVER_DETECTION'] = 'none'
    client = openFirestore({ projectId: PROJECT, databaseId: '(default)' })
    await client.db.doc('tenants/acme').set({})
    const port = await freePort()
    issuer = `http://127.0.0.1:${port}`
    first = await startReplica(String(port))
    second = await startReplica('0')
  })

  afterAll(async () => {
    await Promise.all([first, second].map((replica) => replica.close()))
    await client.close()
    await emulator.stop()
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })))
  })

  test('that is made at one replica counts at the other, and ends there when it is revoked at the first', async () => {
    const { clientId, access, refresh } = await approved()
    await eventually(async () => (await statusAt(second, access)) === 200)
    const stream = await fetch(`${second.url}/sse`, { headers: { authorization: `Bearer ${access}` } })
    expect(stream.status).toBe(200)
    const ticket = await askRest(second.url, access, 'POST', '/v1/tickets')
    expect(ticket.status).toBe(201)
    const { body } = await askRest(first.url, access, 'GET', '/v1/grants')
    const [grant] = body['grants'] as { id: string }[]
    expect((await askRest(first.url, access, 'DELETE', `/v1/grants/${grant?.id}`)).status).toBe(204)
    await eventually(async () => (await statusAt(second, access)) === 401)
    // What it had open there ends, too.
    await stream.text()
    const socket = new WebSocket(
      `${second.url.replace('http', 'ws')}/ws?ticket=${String(ticket.body['ticket'])}`,
      'mcp',
    )
    const isOpen = new Promise<boolean>((resolve) => {
      socket.onopen = () => resolve(true)
      socket.onerror = () => resolve(false)
    })
    expect(await isOpen).toBe(false)
    const { body: refused } = await askToken(second.url, {
      grant_type: 'refresh_token',
      client_id: clientId,
      refresh_token: refresh,
    })
    expect(refused).toMatchObject({ error: 'invalid_grant' })
  })
})
