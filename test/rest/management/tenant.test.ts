import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { openTestApp, type TestApp } from '../../support/test-app.ts'

let app: TestApp
beforeAll(async () => {
  app = await openTestApp({})
  const servers = { mail: { transport: 'http', url: 'https://mail.example/mcp', enabled: false } }
  const tenants = {
    local: { quotas: { callsPerDay: 1000, sessions: 5 }, issuers: [{ issuer: 'https://id.example' }] },
    globex: { quotas: { servers: 2 } },
  }
  await writeFile(join(app.dataDir, 'registry.json'), JSON.stringify({ servers, tenants }))
  await eventually(() => app.tenants.snapshot.inUse)
})
afterAll(() => app.close())

test('an operator sees quotas, identity providers and the use of the month of the own tenant', async () => {
  const token = await app.token({ roles: ['operator'] })
  for (let call = 0; call < 3; call += 1)
    await app.rest(token, 'POST', '/v1/tools/mail_send', { arguments: {} })
  const { body } = await app.rest(token, 'GET', '/v1/tenant')
  expect(body).toEqual({
    tenantId: 'local',
    quotas: { callsPerDay: 1000, sessions: 5 },
    issuers: [
      {
        issuer: 'https://id.example',
        audience: 'http://127.0.0.1:8080',
        algorithms: ['RS256', 'ES256', 'PS256', 'EdDSA'],
      },
    ],
    use: {
      from: expect.stringMatching(/^\d{4}-\d\d-01T00:00:00\.000Z$/),
      calls: { ok: 0, tool_error: 0, error: 0, denied: 3, cancelled: 0 },
      servers: 1,
      sessions: 0,
    },
  })
})

test('others are told which role that needs', async () => {
  const { status, body } = await app.rest(await app.token(), 'GET', '/v1/tenant')
  expect([status, body['detail']]).toEqual([403, 'This needs the role operator'])
})
