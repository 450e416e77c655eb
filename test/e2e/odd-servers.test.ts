import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { connectSdk } from '../support/sdk-clients.ts'
import { type Documents, startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type OddServers, startOddServers } from '../support/upstreams/odd-http.ts'
import { ODD_KINDS } from '../support/upstreams/odd-kinds.ts'

let odd: OddServers
let gateway: TestGateway

beforeAll(async () => {
  odd = await startOddServers(
    Object.fromEntries(Object.entries(ODD_KINDS).map(([name, [its]]) => [name, its])),
  )
  const names = [...Object.keys(ODD_KINDS), 'zz-good']
  const documents: Documents = {}
  for (const name of names) documents[name] = { transport: 'streamable-http', url: odd.urlOf(name) }
  gateway = await startTestGateway(documents, {
    wait: false,
    env: { CONNECT_TIMEOUT_MS: '9000' },
  })
})

afterAll(async () => {
  await gateway.close()
  await odd.close()
})

test.each([
  ['v1', 'streamable-http'],
  ['v2', 'streamable-http'],
  ['v2', 'modern'],
] as const)(
  'beside forty odd servers a good one is there for an SDK client %s over %s',
  async (version, kind) => {
    const client = await connectSdk([version, kind], gateway.url, await gateway.token())
    try {
      await eventually(async () =>
        (await client.listTools()).tools.some(({ name }) => name === 'zz-good_hello'),
      )
      await client.listPrompts()
      await client.listResources()
      await client.listResourceTemplates()
      const result = await client.callTool({ name: 'zz-good_hello', arguments: {} })
      expect(result.content).toEqual([{ type: 'text', text: 'hello' }])
    } finally {
      await client.close()
    }
  },
)

interface Shown {
  readonly name: string
  readonly reason?: string
  readonly problems: readonly string[]
}

test('the operator reads of each odd server what is odd, and where', async () => {
  const operator = await gateway.token({ roles: ['operator'] })
  const said = async (): Promise<Map<string, string>> => {
    const { body } = await gateway.rest(operator, 'GET', '/v1/servers')
    const servers = body['servers'] as readonly Shown[]
    return new Map(servers.map(({ name, reason = '', problems }) => [name, [...problems, reason].join('\n')]))
  }
  const wanted = Object.entries(ODD_KINDS).map(([name, [, text]]) => [name, text] as const)
  await eventually(async () => {
    const texts = await said()
    return wanted.every(([name, text]) => texts.get(name)?.includes(text))
  }).catch(() => undefined)
  const texts = await said()
  expect(
    wanted
      .filter(([name, text]) => !texts.get(name)?.includes(text))
      .map(([name]) => [name, texts.get(name)]),
  ).toEqual([])
  expect(texts.get('zz-good')).toBe('')
})
