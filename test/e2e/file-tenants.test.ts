import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { loadSettings } from '../../src/config/load.ts'
import { type Gateway, startGateway } from '../../src/gateway.ts'
import { eventually } from '../support/eventually.ts'
import { IdentityProvider, newSigningKey, sign, type SigningKey } from '../support/identity-provider.ts'
import { silentLogger } from '../support/silent-logger.ts'

const AUDIENCE = 'https://gateway.example'
/** Not started: who may see it is what counts here. */
const SERVER = { transport: 'stdio', command: 'none', lifecycle: { autoStart: false } }
const SERVERS = { mine: SERVER, theirs: { ...SERVER, tenantId: 'acme' } }

let dataDir: string
let provider: IdentityProvider
let key: SigningKey
let gateway: Gateway

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tool-gateway-file-tenants-'))
  provider = await IdentityProvider.start()
  key = await newSigningKey('first')
  provider.keys = [key.jwk]
  await writeRegistry({ servers: SERVERS })
  const settings = loadSettings({
    PORT: '0',
    METRICS_PORT: 'off',
    DATA_DIR: dataDir,
    REGISTRY_FILE: join(dataDir, 'registry.json'),
    OIDC_AUDIENCE: AUDIENCE,
  })
  gateway = await startGateway(settings, { logger: silentLogger })
})

afterAll(async () => {
  await gateway.close()
  await provider[Symbol.asyncDispose]()
  await rm(dataDir, { recursive: true, force: true })
})

/** Replaces the registry file, as an editor would. */
async function writeRegistry(content: Record<string, unknown>): Promise<void> {
  await writeFile(join(dataDir, 'next'), JSON.stringify(content))
  await rename(join(dataDir, 'next'), join(dataDir, 'registry.json'))
}

async function servers(token: string | undefined): Promise<[number, string, string]> {
  const headers = { authorization: `Bearer ${token}` }
  const response = await fetch(`${gateway.url}/v1/servers`, { headers })
  const body = (await response.json()) as Record<'servers' | 'quarantined', { name: string }[] | undefined>
  const names = (list: { name: string }[] = []): string => list.map(({ name }) => name).join(' ')
  return [response.status, names(body.servers), names(body.quarantined)]
}

/** A token of the identity provider. */
function issued(tenantId: string): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: provider.url, aud: AUDIENCE, sub: 'ann', tenant_id: tenantId, roles: ['operator'] }
  return sign(key, { ...claims, iat: now, exp: now + 600 })
}

/** A token of the local issuer. */
async function local(tenantId: string): Promise<string | undefined> {
  const request = { tenantId, subject: 'ann', roles: ['operator'], ttlMs: 600_000 }
  return await gateway.localIssuer?.issue(request)
}

test('tenants of the registry file come into force, change and go with the file; the local issuer goes on', async () => {
  expect(await servers(await issued('acme'))).toEqual([401, '', ''])
  expect(await servers(await local('acme'))).toEqual([200, 'theirs', ''])

  const acme = { issuers: [{ issuer: provider.url }] }
  await writeRegistry({ servers: SERVERS, tenants: { acme } })
  await eventually(async () => (await servers(await issued('acme')))[0] === 200)
  expect(await servers(await issued('acme'))).toEqual([200, 'theirs', ''])
  expect(await servers(await issued('local'))).toEqual([401, '', ''])
  expect(await servers(await local('acme'))).toEqual([200, 'theirs', ''])
  expect(await servers(await local('local'))).toEqual([200, 'mine', ''])

  await writeRegistry({ servers: SERVERS, tenants: { acme: { ...acme, quotas: 5 } } })
  await eventually(async () => (await servers(await local('acme')))[2] === 'tenants/acme')
  expect(await servers(await issued('acme'))).toEqual([200, 'theirs', 'tenants/acme'])

  await writeRegistry({ servers: SERVERS, tenants: { globex: {} } })
  await eventually(async () => (await servers(await issued('acme')))[0] === 401)
  expect(await servers(await local('acme'))).toEqual([200, '', 'theirs'])
  expect(await servers(await local('local'))).toEqual([200, 'mine', ''])
})

test('a tenant that is switched off is out with its tokens, sessions and servers until it is switched on again', async () => {
  const acme = { issuers: [{ issuer: provider.url }] }
  await writeRegistry({ servers: SERVERS, tenants: { acme } })
  await eventually(async () => (await servers(await issued('acme')))[1] === 'theirs')
  const stream = await fetch(`${gateway.url}/sse`, {
    headers: { authorization: `Bearer ${await local('acme')}`, accept: 'text/event-stream' },
  })

  await writeRegistry({ servers: SERVERS, tenants: { acme: { ...acme, enabled: false } } })
  await eventually(async () => (await servers(await issued('acme')))[0] === 403)
  expect((await servers(await local('acme')))[0]).toBe(403)
  const refused = await fetch(`${gateway.url}/v1/tools`, {
    headers: { authorization: `Bearer ${await issued('acme')}` },
  })
  expect(await refused.json()).toMatchObject({ code: 'tenant_disabled', title: 'The tenant is switched off' })
  expect(await stream.text()).toContain('event: endpoint')
  await eventually(() => gateway.statuses().every(({ key: id }) => !id.startsWith('acme/')))
  expect(await servers(await local('local'))).toEqual([200, 'mine', ''])

  await writeRegistry({ servers: SERVERS, tenants: { acme } })
  await eventually(async () => (await servers(await issued('acme')))[1] === 'theirs')
  expect(await servers(await local('acme'))).toEqual([200, 'theirs', ''])
})
