import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import express from 'express'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { systemClock } from '../../src/domain/clock.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { openapiRoutes } from '../../src/rest/openapi/openapi-routes.ts'
import { resourceRoutes } from '../../src/rest/resources.ts'
import { toolRoutes } from '../../src/rest/tools.ts'
import type { NamedItem } from '../../src/upstream/discovery/listing.ts'
import { offer, principal, server, snapshotOf, tool } from '../support/offers.ts'
import { callsThrough, catalogOf } from '../support/routing.ts'

const OPEN = server({ name: 'open' })
const STAFF = server({ name: 'staff', requiredRoles: ['staff'] })
/** Text that is not ASCII, and members that answers have, too. */
const ODD = tool('odd', { id: 7, description: 'Größe “x” 😀', server: 'mine', title: 'Odd' })

const http = createServer()
let catalog: Catalog
let app: express.Express

beforeAll(async () => {
  http.on('request', (request, response) => void app(request, response))
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
})
beforeEach(() => {
  catalog = catalogOf(
    [OPEN, offer({ tools: [tool('echo'), ODD, tool('sum', { description: 'Adds' })] })],
    [STAFF, offer({ tools: [tool('pay')] })],
  )
  app = express()
  app.disable('etag')
  app.use((request, response, next) => {
    const roles = (request.get('x-roles') ?? '').split(',')
    const subject = request.get('x-subject') ?? 'ann'
    response.locals.identity = { principal: principal({ roles, subject }), requestId: 'r-1' }
    next()
  })
  app.use(openapiRoutes({ catalog, publicUrl: 'http://gateway.example' }))
  const calls = callsThrough(catalog, [], { clock: systemClock })
  app.use(toolRoutes({ catalog, calls }), resourceRoutes({ catalog, calls }))
})
afterAll(async () => {
  http.close()
  http.closeAllConnections()
  await once(http, 'close')
})

async function ask(path: string, { roles = 'reader', subject = 'ann' } = {}) {
  const address = http.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const headers = { 'x-roles': roles, 'x-subject': subject }
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers })
  const text = await response.text()
  return { text, headers: response.headers, body: JSON.parse(text) as JsonObject }
}

/** The tools that an answer has. */
async function toolsOf(path: string, as: { roles?: string; subject?: string } = {}): Promise<string[]> {
  const { body } = await ask(path, as)
  if (Array.isArray(body['tools'])) return (body['tools'] as { id: string }[]).map(({ id }) => id)
  return Object.keys(body['paths'] as object).flatMap((at) => /^\/v1\/tools\/(\w+)$/.exec(at)?.[1] ?? [])
}

describe.each(['/tools', '/openapi.json?expand=tools'])('%s', (path) => {
  test('has for each caller what that caller may use, whoever asked before', async () => {
    for (const times of ['first', 'again']) {
      expect([times, await toolsOf(path)]).toEqual([times, ['open_echo', 'open_odd', 'open_sum']])
      expect([times, await toolsOf(path, { roles: 'staff' })]).toEqual([
        times,
        ['open_echo', 'open_odd', 'open_sum', 'staff_pay'],
      ])
    }
  })

  test('is the same for callers with equal rights', async () => {
    expect((await ask(path, { subject: 'bob' })).text).toBe((await ask(path)).text)
  })

  test('shows at once what has changed in the registry, and in what a server offers', async () => {
    await toolsOf(path)
    catalog.applySnapshot(snapshotOf(OPEN, { ...STAFF, requiredRoles: undefined }))
    expect(await toolsOf(path)).toEqual(['open_echo', 'open_odd', 'open_sum', 'staff_pay'])
    catalog.setOffer('acme/open', offer({ tools: [tool('new')] }))
    expect(await toolsOf(path)).toEqual(['open_new', 'staff_pay'])
    catalog.applySnapshot(snapshotOf(OPEN))
    expect(await toolsOf(path)).toEqual(['open_new'])
  })

  test('has the tools of one server where it is asked for that', async () => {
    const of = (name: string): string => `${path}${path.includes('?') ? '&' : '?'}server=${name}`
    for (const times of ['first', 'again']) {
      expect([times, await toolsOf(of('staff'), { roles: 'staff' })]).toEqual([times, ['staff_pay']])
      expect([times, await toolsOf(of('staff'))]).toEqual([times, []])
      expect([times, await toolsOf(of('other'))]).toEqual([times, []])
    }
  })
})

describe('the document', () => {
  test('has an entity tag that changes with what it has', async () => {
    const tagOf = async (as = {}): Promise<string | null> =>
      (await ask('/openapi.json?expand=tools', as)).headers.get('etag')
    const before = await tagOf()
    expect(await tagOf()).toBe(before)
    expect(await tagOf({ roles: 'staff' })).not.toBe(before)
    catalog.setOffer('acme/open', offer({ tools: [tool('new')] }))
    expect(await tagOf()).not.toBe(before)
  })
})

describe('a page of tools', () => {
  test('has the whole definitions, with the names under which they are called', async () => {
    const { text, headers } = await ask('/tools?limit=2')
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    const { nextCursor } = JSON.parse(text) as { nextCursor: string }
    expect(text).toBe(
      JSON.stringify({
        tools: [
          { name: 'open_echo', inputSchema: { type: 'object' }, id: 'open_echo', server: 'open' },
          { ...ODD, name: 'open_odd', id: 'open_odd', server: 'open' },
        ],
        nextCursor,
        missingServers: [],
        staleServers: ['open'],
      }),
    )
  })

  test('has a cursor that is for its caller only', async () => {
    const cursorFor = async (subject: string): Promise<string> =>
      String((await ask('/tools?limit=2', { subject })).body['nextCursor'])
    expect(await cursorFor('bob')).not.toBe(await cursorFor('ann'))
    expect(await toolsOf(`/tools?cursor=${await cursorFor('bob')}`, { subject: 'bob' })).toEqual(['open_sum'])
  })

  test('that is searched has the tools with all words, in any case', async () => {
    expect(await toolsOf('/tools?query=ADDS%20sum')).toEqual(['open_sum'])
    expect(await toolsOf('/tools?query=größe')).toEqual(['open_odd'])
    expect(await toolsOf('/tools?query=odd%20adds')).toEqual([])
    expect(await toolsOf('/tools?limit=1')).toEqual(['open_echo'])
    expect(await toolsOf('/tools?limit=1&query=sum')).toEqual(['open_sum'])
  })
})

describe('a page of resources', () => {
  const resource = (uri: string): NamedItem => ({ uri, name: 'Größe', server: 'mine' })
  const template = { uriTemplate: 'x://{a}', name: 'any' }

  test('has what the caller may read, with all templates, and follows the registry', async () => {
    catalog.setOffer('acme/open', offer({ resources: [resource('x://1'), resource('x://2')] }))
    catalog.setOffer('acme/staff', offer({ resources: [resource('y://1')], resourceTemplates: [template] }))
    for (const times of ['first', 'again']) {
      expect([times, (await ask('/resources')).text]).toEqual([
        times,
        '{"resources":[{"uri":"x://1","name":"Größe","server":"open"},{"uri":"x://2","name":"Größe","server":"open"}],' +
          '"resourceTemplates":[],"missingServers":[],"staleServers":["open"]}',
      ])
      const { body } = await ask('/resources?limit=1', { roles: 'staff' })
      expect([times, body]).toMatchObject([
        times,
        {
          resources: [{ uri: 'x://1' }],
          resourceTemplates: [{ ...template, server: 'staff' }],
          nextCursor: expect.any(String),
        },
      ])
    }
    catalog.applySnapshot(snapshotOf(STAFF))
    expect((await ask('/resources')).body).toMatchObject({ resources: [] })
    expect((await ask('/resources?limit=1', { roles: 'staff' })).body).toMatchObject({
      resources: [{ uri: 'y://1', server: 'staff' }],
    })
  })
})
