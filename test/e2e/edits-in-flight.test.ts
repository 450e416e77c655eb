import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type MoodyServer, startMoodyServer } from '../support/upstreams/moody-server.ts'

let moody: MoodyServer
let gateway: TestGateway
let token: string

beforeEach(async () => {
  moody = await startMoodyServer()
  gateway = await startTestGateway({ moody: document() }, { env: { DRAIN_TIMEOUT_MS: '1' } })
  token = await gateway.token({ roles: ['operator'] })
})

afterEach(async () => {
  await gateway.close()
  await moody[Symbol.asyncDispose]()
})

const document = (): Record<string, unknown> => ({ transport: 'streamable-http', url: moody.url })

const call = (server: string): ReturnType<TestGateway['rest']> =>
  gateway.rest(token, 'POST', `/v1/tools/${server}_act`, { arguments: {} })

const instances = async (server: string): Promise<unknown> =>
  (await gateway.rest(token, 'GET', `/v1/servers/${server}`)).body['instances']

/** New calls go over connections that were opened after the edit. */
async function isReplaced(server: string, before: unknown): Promise<void> {
  const [{ id }] = before as [{ id: string }]
  await eventually(
    async () => {
      const now = await instances(server)
      return Array.isArray(now) && now.every((each) => (each as { id: string }).id !== id)
    },
    { what: `${server} with another connection` },
  )
  await eventually(async () => (await call(server)).status === 200, { what: `${server} answering again` })
}

test.each<[what: string, after: string, edit: () => Promise<unknown>]>([
  [
    'edited',
    'moody',
    () => gateway.writeRegistry({ moody: { ...document(), headers: { 'x-edited': 'yes' } } }),
  ],
  ['renamed', 'other', () => gateway.writeRegistry({ other: document() })],
  ['restarted', 'moody', () => gateway.rest(token, 'POST', '/v1/servers/moody/restart')],
])(
  'a call in flight at a server that is %s finishes, however short a stop may be',
  async (_what, after, edit) => {
    moody.feel('holding', 'well')
    const held = call('moody')
    await eventually(() => moody.calls.length === 1, { what: 'the call at the server' })
    const before = await instances('moody')
    await edit()
    await isReplaced(after, before)
    moody.release()
    expect((await held).status).toBe(200)
  },
)
