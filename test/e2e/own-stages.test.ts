import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { spawnGateway } from '../support/gateway-process.ts'
import { startTestGateway } from '../support/start-gateway.ts'
import { startMoodyServer } from '../support/upstreams/moody-server.ts'

test("calls go through the operator's own stages, and the record keeps what the caller sent", async () => {
  await using crm = await startMoodyServer()
  const gateway = await startTestGateway(
    { crm: { transport: 'streamable-http', url: crm.url } },
    { env: { CALL_STAGES: 'examples/stages/keep-addresses.ts' } },
  )
  try {
    const token = await gateway.token({ roles: ['auditor'] })
    const call = (): ReturnType<typeof gateway.rest> =>
      gateway.rest(token, 'POST', '/v1/tools/crm_act', { arguments: { a: 1 } })
    expect(await call()).toMatchObject({ status: 200, body: { content: [{ text: 'done' }] } })
    expect(crm.lastArguments()).toEqual({ a: 1, requestedBy: 'ann' })
    const { body } = await gateway.rest(token, 'GET', '/v1/audit?limit=1')
    expect(body['records']).toMatchObject([{ target: 'crm_act', requestBytes: '{"a":1}'.length }])
  } finally {
    await gateway.close()
  }
})

test('a module that cannot be used is a wrong setting: the gateway says which, and exits with 78', async () => {
  const module = join('examples', 'stages', 'no-such-stage.ts')
  const gateway = await spawnGateway({ CALL_STAGES: module })
  try {
    expect(await gateway.exited).toBe(78)
    expect(gateway.output.join('\n')).toContain(
      `CALL_STAGES: expected modules that export createStage (${module}: `,
    )
  } finally {
    await gateway.remove()
  }
})
