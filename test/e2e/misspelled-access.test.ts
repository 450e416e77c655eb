import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { everything } from '../support/relayed-everything.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const GOOD = { ...everything, tenantId: 'acme', requiredRoles: ['reader'], agentAllowlist: ['desk'] }

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway({ a: GOOD })
})

afterAll(() => gateway.close())

async function toolsOf(who: { tenantId?: string; roles?: string[]; agent?: string }): Promise<number> {
  const token = await gateway.token({ tenantId: 'acme', roles: ['reader'], agent: 'desk', ...who })
  const { body } = await gateway.rest(token, 'GET', '/v1/tools')
  return (body['tools'] as unknown[]).length
}

/** Writes a document and waits until it is refused, or in force; returns how many tools each caller has. */
async function seenWith(document: Record<string, unknown>, isRefused: boolean): Promise<number[]> {
  const operators = await Promise.all(
    ['acme', 'local'].map((tenantId) => gateway.token({ tenantId, roles: ['operator'] })),
  )
  await gateway.writeRegistry({ a: document })
  await eventually(async () => {
    const lists = await Promise.all(operators.map((token) => gateway.rest(token, 'GET', '/v1/servers')))
    const refused = lists.flatMap(({ body }) => (body['quarantined'] ?? []) as unknown[])
    return isRefused ? refused.length > 0 : refused.length === 0 && (await toolsOf({})) > 0
  })
  return Promise.all([
    toolsOf({}),
    toolsOf({ roles: ['none'] }),
    toolsOf({ agent: 'other' }),
    toolsOf({ tenantId: 'local' }),
  ])
}

test('a typo in the name of an access field of a running server opens it to nobody; one in another field changes nothing', async () => {
  const [all = 0, ...others] = await seenWith(GOOD, false)
  expect(all).toBeGreaterThan(5)
  expect(others).toEqual([0, 0, 0])
  const { tenantId, requiredRoles, agentAllowlist, ...rest } = GOOD
  const typos = [
    { ...rest, tenantId, agentAllowlist, requiredRole: requiredRoles },
    { ...rest, tenantId, requiredRoles, agentAllowList: agentAllowlist },
    { ...rest, requiredRoles, agentAllowlist, tenant: tenantId },
    { ...GOOD, enable: false },
  ]
  for (const document of typos) {
    expect(await seenWith(document, true)).toEqual([0, 0, 0, 0])
    expect(await seenWith(GOOD, false)).toEqual([all, 0, 0, 0])
  }
  expect(await seenWith({ ...GOOD, timeoutMss: 5 }, true)).toEqual([all, 0, 0, 0])
})
