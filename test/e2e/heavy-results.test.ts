import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startsCompiled } from '../support/compiled.ts'
import { openConversation, type RawConversation } from '../support/raw-conversation.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { heavyAnswer } from '../support/upstreams/heavy-server.ts'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'

let gateway: TestGateway
let session: RawConversation
const upstreams: HttpUpstream[] = []

async function overHttp(isStream: boolean): Promise<Record<string, unknown>> {
  const upstream = await listen(async (request, response) => {
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const answer = heavyAnswer(await text(request))
    if (answer === undefined) return void response.writeHead(202).end()
    response.setHeader('content-type', isStream ? 'text/event-stream' : 'application/json')
    response.end(isStream ? `event: message\ndata: ${answer}\n\n` : answer)
  })
  upstreams.push(upstream)
  return { transport: 'streamable-http', url: upstream.url, era: 'legacy' }
}

beforeAll(async () => {
  const program = join(import.meta.dirname, '../support/upstreams/heavy-stdio.ts')
  gateway = await startTestGateway({
    json: await overHttp(false),
    events: await overHttp(true),
    stdio: {
      transport: 'stdio',
      command: process.execPath,
      args: [program],
      era: 'legacy',
      ...startsCompiled,
    },
  })
  session = await openConversation('streamable-http', gateway.url, await gateway.token())
})

afterAll(async () => {
  await session.close()
  await gateway.close()
  await Promise.all(upstreams.map((upstream) => upstream.close()))
})

async function byRest(tool: string): Promise<unknown> {
  const { status, body } = await gateway.rest(await gateway.token(), 'POST', `/v1/tools/${tool}`, {
    arguments: {},
  })
  return status === 200 ? rowsIn(body) : body['code']
}

let id = 0
/** Told of progress, a call takes the way of the SDK. */
const inSession =
  (progress: 'with progress' | 'without progress') =>
  async (name: string): Promise<unknown> => {
    id += 1
    const meta = progress === 'with progress' ? { _meta: { progressToken: id } } : {}
    const { result, error } = await session.call(id, 'tools/call', { name, arguments: {}, ...meta })
    return error === undefined ? rowsIn(result ?? {}) : (error.data as { code: string }).code
  }

/** How many rows a result has, or what it has in place of them. */
function rowsIn({ structuredContent, content }: Record<string, unknown>): unknown {
  const { rows } = (structuredContent ?? {}) as { rows?: unknown[] }
  return rows?.length ?? content
}

const ECHO = [{ type: 'text', text: 'echo' }]

describe.each(['json', 'events', 'stdio'])('a server over %s', (server) => {
  test.each([
    ['REST', byRest],
    ['a legacy session', inSession('without progress')],
    ['a legacy session with progress', inSession('with progress')],
  ])(
    'whose result has so many objects or lists that it would fill the memory fails that call alone, over %s',
    async (_way, call) => {
      const answers = await Promise.all(
        ['objects', 'echo', 'lists', 'echo'].map((tool) => call(`${server}_${tool}`)),
      )
      expect(answers).toEqual(['response_too_large', ECHO, 'response_too_large', ECHO])
      expect(await call(`${server}_echo`)).toEqual(ECHO)
    },
  )

  test.each([
    ['REST', byRest],
    ['a legacy session', inSession('without progress')],
    ['a legacy session with progress', inSession('with progress')],
  ])('has 130,000 rows of four fields passed on over %s', async (_way, call) => {
    expect(await call(`${server}_rows`)).toBe(130_000)
  })
})
