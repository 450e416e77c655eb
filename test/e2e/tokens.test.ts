import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { LocalIssuer } from '../../src/auth/local-issuer.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { everything } from '../support/documents.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let token: string

beforeAll(async () => {
  gateway = await startTestGateway({ everything })
  token = await gateway.token()
})

afterAll(() => gateway.close())

describe('the token', () => {
  test('is needed, and the refusal says where to get one', async () => {
    const answer = await gateway.rest(undefined, 'GET', '/v1/tools')
    expect(answer).toMatchObject({ status: 401, body: { code: 'missing_token', status: 401 } })
    expect(answer.headers.get('www-authenticate')).toBe(
      `Bearer resource_metadata="${gateway.url}/.well-known/oauth-protected-resource"`,
    )
  })

  test.each([
    ['has expired', async () => expiredToken()],
    ['is not a token', async () => 'abc'],
    ['comes from somebody else', async () => foreignToken()],
  ])('is refused when it %s', async (_what, make) => {
    const answer = await gateway.rest(await make(), 'GET', '/v1/tools')
    expect(answer).toMatchObject({ status: 401, body: { code: 'invalid_token' } })
    expect(answer.headers.get('www-authenticate')).toMatch(
      /^Bearer error="invalid_token", error_description="[^"]+", resource_metadata="/,
    )
  })

  test('is needed on every path but the probes and the metadata', async () => {
    for (const path of [
      '/mcp',
      '/mcp/everything',
      '/sse',
      '/sse/everything',
      '/ws',
      '/ws/everything',
      '/messages',
      '/v1/tools',
      '/v1/audit',
      '/v1/servers',
      '/v1/resources',
      '/v1/prompts',
      '/health',
      '/health/everything',
      '/metrics',
      '/nothing',
    ]) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        const { status } = await fetch(gateway.url + path, { method })
        expect([method, path, status]).toEqual([method, path, 401])
      }
    }
    for (const path of [
      '/healthz',
      '/readyz',
      '/.well-known/oauth-protected-resource',
      '/.well-known/oauth-protected-resource/mcp',
    ]) {
      expect((await fetch(gateway.url + path)).status).toBe(200)
    }
  })

  test('is not looked for in the query', async () => {
    const answer = await gateway.rest(undefined, 'GET', `/v1/tools?access_token=${token}`)
    expect(answer.status).toBe(401)
  })
})

test('the protected-resource metadata names the gateway as the resource', async () => {
  const { body } = await gateway.rest(undefined, 'GET', '/.well-known/oauth-protected-resource/mcp')
  expect(body).toEqual({
    resource: gateway.url,
    bearer_methods_supported: ['header'],
    resource_name: 'Tool Gateway',
  })
})

/** A token that this gateway's own issuer signed, and that ended an hour ago. */
async function expiredToken(): Promise<string> {
  const clock = new FakeClock(Date.now() - 2 * 3_600_000)
  const issuer = await LocalIssuer.open({ dir: gateway.dataDir, clock })
  return issuer.issue({ tenantId: 'local', subject: 'ann', roles: ['reader'], ttlMs: 3_600_000 })
}

/** A token like ours, but signed with the keys of another installation. */
async function foreignToken(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'tool-gateway-foreign-'))
  const issuer = await LocalIssuer.open({ dir, clock: systemClock })
  await rm(dir, { recursive: true })
  return issuer.issue({ tenantId: 'local', subject: 'ann', roles: ['reader'], ttlMs: 3_600_000 })
}
