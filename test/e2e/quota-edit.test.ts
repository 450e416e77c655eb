import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { modernClient } from '../support/raw-mcp.ts'
import { eventually } from '../support/eventually.ts'
import { type Documents, startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const SERVERS: Documents = {
  echo: { transport: 'stdio', command: process.execPath, args: ['bench/upstream/stdio.ts'] },
}
const tenants: Documents = { local: {} }
let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway(SERVERS, { tenants })
})

afterAll(() => gateway.close())

test('a quota counts for a caller who has called without one, and no longer once it is gone', async () => {
  const client = modernClient(gateway.url, await gateway.token())
  const call = async (): Promise<string> => {
    const params = { name: 'echo_echo', arguments: { message: 'hello' } }
    const { error } = (await client.request('tools/call', params)).message
    return error === undefined ? 'answered' : JSON.stringify(error.data)
  }
  expect(await call()).toBe('answered')
  Object.assign(tenants, { local: { quotas: { callsPerDay: 1 } } })
  await gateway.writeRegistry(SERVERS)
  await eventually(async () => (await call()).includes('"rate_limited"'), { what: 'the quota' })
  Object.assign(tenants, { local: {} })
  await gateway.writeRegistry(SERVERS)
  await eventually(async () => (await call()) === 'answered', { what: 'the end of the quota' })
})
