import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { scriptedServer, type ScriptedServer } from '../support/direct-path/scripted-http.ts'
import { modernClient } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let server: ScriptedServer
let gateway: TestGateway
let token: string

beforeAll(async () => {
  server = await scriptedServer('modern')
  gateway = await startTestGateway(
    { new: { tenantId: 'local', transport: 'streamable-http', url: server.url, era: 'modern' } },
    { env: { CALL_STAGES: 'test/support/direct-path/hide-text-stage.ts' } },
  )
  token = await gateway.token()
  await gateway.rest(token, 'GET', '/v1/tools')
})

afterAll(async () => {
  await gateway.close()
  await server.close()
})

test.each([
  ['small', 'a new result', { pad: 0 }],
  ['small', 'the one that it got', { pad: 0, inPlace: true }],
  ['large', 'a new result', { pad: 40_000 }],
  ['large', 'the one that it got', { pad: 40_000, inPlace: true }],
])("callers get a %s result as the operator's own stage leaves it: %s", async (_size, _how, args) => {
  const hidden = [{ type: 'text', text: 'hidden' }]
  const rest = await gateway.rest(token, 'POST', '/v1/tools/new_plain', { arguments: args })
  expect([rest.status, rest.body['content']]).toEqual([200, hidden])
  const mcp = await modernClient(gateway.url, token).request('tools/call', {
    name: 'new_plain',
    arguments: args,
  })
  expect([mcp.status, mcp.message.result?.['content']]).toEqual([200, hidden])
})
