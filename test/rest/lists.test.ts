import { createServer } from 'node:http'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import express from 'express'
import { sendProblem } from '../../src/rest/problem.ts'
import { promptRoutes } from '../../src/rest/prompts.ts'
import { resourceRoutes } from '../../src/rest/resources.ts'
import { toolRoutes } from '../../src/rest/tools.ts'
import { systemClock } from '../../src/domain/clock.ts'
import { toGatewayError } from '../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { needsClient, offer, principal, server, tool } from '../support/offers.ts'
import { answering, callsThrough, catalogOf } from '../support/routing.ts'

const resources = ['x://1', 'x://2', 'x://3'].map((uri) => ({ name: uri, uri }))
const catalog = catalogOf(
  [
    server({ name: 'alpha' }),
    offer({
      tools: [
        tool('ask'),
        tool('draw', { _meta: { ui: { resourceUri: 'ui://draw', visibility: ['model', 'app'] } } }),
        tool('echo'),
        tool('refresh', { _meta: { ui: { resourceUri: 'ui://draw', visibility: ['app'] } } }),
        tool('sum'),
      ],
      prompts: [{ name: 'p1' }, { name: 'p2' }],
      resources,
      ...needsClient({ tools: ['ask'] }),
    }),
  ],
  [server({ name: 'beta' }), offer({ resources, tools: [tool('echo')] })],
)
const http = createServer()

beforeAll(async () => {
  const calls = callsThrough(
    catalog,
    [answering(({ route }) => ({ went: `${route.server.name} ${route.name}` }))],
    { clock: systemClock },
  )
  const app = express()
  app.use(express.json(), (request, response, next) => {
    response.locals.identity = {
      principal: principal({ subject: request.get('x-subject') ?? 'ann' }),
      requestId: 'r-1',
    }
    next()
  })
  app.use(
    '/v1',
    toolRoutes({ catalog, calls }),
    promptRoutes({ catalog, calls }),
    resourceRoutes({ catalog, calls }),
  )
  const onError: express.ErrorRequestHandler = (error, _request, response, _next) =>
    sendProblem(response, toGatewayError(error), undefined)
  app.use(onError)
  http.on('request', app).listen(0, '127.0.0.1')
  await once(http, 'listening')
})

afterAll(async () => {
  http.close()
  http.closeAllConnections()
  await once(http, 'close')
})

async function ask(
  path: string,
  { method = 'GET', subject = 'ann' }: { method?: string; subject?: string } = {},
): Promise<{ status: number; body: JsonObject }> {
  const address = http.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const response = await fetch(`http://127.0.0.1:${port}/v1/${path}`, {
    method,
    headers: { 'x-subject': subject, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: '{}' }),
  })
  return { status: response.status, body: (await response.json()) as JsonObject }
}

describe('tools', () => {
  test('that are only for apps, or need a client that can be asked, are not listed', async () => {
    const { body } = await ask('tools')
    expect((body['tools'] as { id: string }[]).map(({ id }) => id)).toEqual([
      'alpha_draw',
      'alpha_echo',
      'alpha_sum',
      'beta_echo',
    ])
  })

  test('that are only for apps cannot be told from those that do not exist', async () => {
    for (const method of ['GET', 'POST']) {
      for (const name of ['alpha_refresh', 'alpha_nosuch']) {
        expect(await ask(`tools/${name}`, { method })).toMatchObject({
          status: 404,
          body: { code: 'tool_not_found', detail: `Unknown tool: ${name}` },
        })
      }
    }
  })

  test('that need a client that can be asked say so when they are called', async () => {
    expect(await ask('tools/alpha_ask', { method: 'POST' })).toMatchObject({
      status: 422,
      body: { code: 'client_capability_required', mayHaveExecuted: false },
    })
  })

  test('that can be used are called under the own name', async () => {
    expect(await ask('tools/alpha_draw', { method: 'POST' })).toMatchObject({
      status: 200,
      body: { went: 'alpha draw' },
    })
  })
})

describe('resources', () => {
  test('that several servers have are listed for each, and read where they belong', async () => {
    const { body } = await ask('resources?limit=2')
    expect(body['resources']).toEqual([
      { server: 'beta', name: 'x://1', uri: 'beta+x://1' },
      { server: 'beta', name: 'x://2', uri: 'beta+x://2' },
    ])
    const went = async (uri: string): Promise<unknown> =>
      (await ask(`resources?uri=${encodeURIComponent(uri)}`)).body['went']
    expect(await went('beta+x://1')).toBe('beta x://1')
    expect(await went('x://1')).toBe('alpha x://1')
    expect(await went('ui://draw')).toBe('alpha ui://draw')
  })
})

describe('a cursor', () => {
  test.each([
    'tools?limit=1',
    'tools?limit=1&query=echo',
    'tools?limit=1&server=alpha',
    'prompts?limit=1',
    'resources?limit=1',
  ])('of %s goes on for the same caller and list only', async (path) => {
    const { nextCursor: cursor } = (await ask(path)).body
    expect(typeof cursor).toBe('string')
    const next = `cursor=${String(cursor)}`
    expect((await ask(`${path}&${next}`)).status).toBe(200)
    const refused = [
      await ask(`${path}&${next}`, { subject: 'bob' }),
      await ask(`${path.startsWith('prompts') ? 'resources' : 'prompts'}?${next}`),
      await ask(`tools?query=sum&${next}`),
    ]
    for (const answer of refused) expect(answer).toMatchObject({ body: { code: 'invalid_cursor' } })
  })
})
