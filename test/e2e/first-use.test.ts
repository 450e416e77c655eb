import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { everything } from '../support/relayed-everything.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway(
    {
      called: { ...everything, lifecycle: { autoStart: false } },
      listed: { ...everything, lifecycle: { autoStart: false }, requiredRoles: ['other'] },
    },
    { wait: false },
  )
})

afterAll(() => gateway.close())

test('a server that starts with its first use starts when it is called or listed, and not before', async () => {
  const states = (): (string | undefined)[] => gateway.gateway.statuses().map(({ state }) => state)
  expect(states()).toEqual(['stopped', 'stopped'])
  const token = await gateway.token()
  const first = await gateway.rest(token, 'POST', '/v1/tools/called_echo', { arguments: { message: 'x' } })
  expect(first).toMatchObject({
    status: 503,
    body: { code: 'upstream_unavailable', server: 'called', retryable: true, mayHaveExecuted: false },
  })
  expect(first.headers.get('retry-after')).toBe('1')
  const again = await eventually(async () => {
    const answer = await gateway.rest(token, 'POST', '/v1/tools/called_echo', { arguments: { message: 'x' } })
    return answer.status === 200 && answer
  })
  expect(again.body['content']).toEqual([{ type: 'text', text: 'Echo: x' }])
  expect(states()).toEqual(['ready', 'stopped'])
  const other = await gateway.token({ roles: ['other'] })
  expect((await gateway.rest(other, 'GET', '/v1/tools')).body).toMatchObject({
    tools: [],
    missingServers: ['listed'],
  })
  await eventually(() => states()[1] === 'ready')
})
