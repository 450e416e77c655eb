import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { scriptedServer, type ScriptedServer } from '../../support/direct-path/scripted-http.ts'
import { eventually } from '../../support/eventually.ts'
import { legacyClient, modernClient, type RawAnswer, type RawClient } from '../../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../../support/start-gateway.ts'

let server: ScriptedServer
/** One with the direct path, and one without. */
let gateways: readonly [direct: TestGateway, general: TestGateway]

beforeAll(async () => {
  server = await scriptedServer('modern')
  const documents = {
    one: {
      tenantId: 'local',
      transport: 'streamable-http',
      url: server.url,
      tools: { plain: { requiredRoles: ['editor'] } },
    },
    // Without the tool that the SDK has to list for older clients.
    two: { tenantId: 'local', transport: 'streamable-http', url: server.url, tools: { exclude: ['listed'] } },
  }
  gateways = [
    await startTestGateway(documents),
    await startTestGateway(documents, { env: { DIRECT_PATH: 'off' } }),
  ]
  for (const gateway of gateways) {
    const client = modernClient(gateway.url, await gateway.token({ roles: ['editor'] }))
    await eventually(async () => {
      const names = namesIn(await client.request('tools/list'))
      return names.includes('one_plain') && names.includes('two_plain')
    })
  }
})

afterAll(async () => {
  for (const gateway of gateways) await gateway.close()
  await server.close()
})

function namesIn({ message }: RawAnswer): string[] {
  const tools = (message.result?.['tools'] ?? []) as readonly { name: string }[]
  return tools.map(({ name }) => name)
}

type Open = (url: string, token: string, path?: string) => Promise<RawClient>

describe.each<[string, Open]>([
  ['a session of 2025-11-25', legacyClient],
  ['2026-07-28', (...of) => Promise.resolve(modernClient(...of))],
])('the list of a client of %s', (_title, open) => {
  const LISTS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']

  test.each(LISTS)('is the same by both paths: %s', async (method) => {
    const [direct, general] = await Promise.all(
      gateways.map(async (gateway) => {
        const client = await open(gateway.url, await gateway.token())
        // The second time it is remembered.
        await client.request(method, {})
        return client.request(method, {})
      }),
    )
    expect(direct?.status).toBe(200)
    expect(direct?.message).toEqual(general?.message)
  })

  test('is the same by both paths on the address of one server', async () => {
    const [direct, general] = await Promise.all(
      gateways.map(async (gateway) =>
        (await open(gateway.url, await gateway.token(), '/mcp/two')).request('tools/list', {}),
      ),
    )
    expect(direct?.message.result?.['tools']).toEqual(general?.message.result?.['tools'])
    expect(namesIn(direct as RawAnswer)).toContain('plain')
  })

  test('is refused by both paths for a cursor that was not issued', async () => {
    const [direct, general] = await Promise.all(
      gateways.map(async (gateway) =>
        (await open(gateway.url, await gateway.token())).request('tools/list', { cursor: 'made up' }),
      ),
    )
    expect(direct?.message.error?.code).toBe(-32_602)
    expect(direct?.message.error?.message).toBe(general?.message.error?.message)
  })

  test('has what a caller may see and not what the caller before may see', async () => {
    const [{ url, token }] = gateways
    const all = await (
      await open(url, await token({ subject: 'edits', roles: ['editor'] }))
    ).request('tools/list', {})
    const some = await (await open(url, await token({ subject: 'other' }))).request('tools/list', {})
    expect(namesIn(all)).toContain('one_plain')
    expect(namesIn(some)).not.toContain('one_plain')
    expect(namesIn(some)).toContain('two_plain')
  })
})

test('a list of a session without parameters is the first page', async () => {
  const [{ url, token }] = gateways
  const client = await legacyClient(url, await token({ roles: ['reader'] }))
  expect(namesIn(await client.request('tools/list'))).toContain('two_plain')
})
