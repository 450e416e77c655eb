import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let token: string

beforeAll(async () => {
  gateway = await startTestGateway({})
  token = await gateway.token({ roles: ['reader', 'operator'] })
})

afterAll(() => gateway.close())

test('a server whose address leads back to the gateway offers nothing, and its operator reads why', async () => {
  const document = {
    name: 'loop',
    transport: 'streamable-http',
    url: `${gateway.url}/mcp`,
    auth: { kind: 'bearer', token },
  }
  expect(await gateway.rest(token, 'POST', '/v1/servers', document)).toMatchObject({ status: 201 })
  const state = async (): Promise<unknown> => (await gateway.rest(token, 'GET', '/v1/servers/loop')).body
  await eventually(async () => JSON.stringify(await state()).includes('HTTP 508'))
  expect(JSON.stringify(await state())).toContain(
    'its address loops back to this gateway or is part of a redirect loop (HTTP 508)',
  )
  expect(await gateway.rest(token, 'GET', '/v1/tools?server=loop')).toMatchObject({ body: { tools: [] } })
})

test('a request that went through other gateways is answered', async () => {
  const response = await fetch(`${gateway.url}/v1/whoami`, {
    headers: { authorization: `Bearer ${token}`, via: '1.1 edge, 1.1 tool-gateway-0000000000000000' },
  })
  expect(response.status).not.toBe(508)
})
