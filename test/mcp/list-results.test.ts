import { expect, test } from '@jest/globals'
import { listResult } from '../../src/mcp/list-results.ts'
import { offer, principal, server, tool } from '../support/offers.ts'
import { catalogOf } from '../support/routing.ts'

const everything = offer({
  tools: [tool('echo', { x: 1 })],
  prompts: [{ name: 'greet', x: 2 }],
  resources: [{ name: 'one', uri: 'x://1', x: 3 }],
  resourceTemplates: [{ name: 'any', uriTemplate: 'x://{id}', x: 4 }],
})
const view = catalogOf([server(), everything]).viewOf(principal())

test.each([
  ['tools/list', { tools: [{ name: 'alpha_echo', inputSchema: { type: 'object' }, x: 1 }] }],
  ['prompts/list', { prompts: [{ name: 'alpha_greet', x: 2 }] }],
  ['resources/list', { resources: [{ name: 'one', uri: 'x://1', x: 3 }] }],
  ['resources/templates/list', { resourceTemplates: [{ name: 'any', uriTemplate: 'x://{id}', x: 4 }] }],
])('%s shows its part of the view, every field', (method, items) => {
  const stale = { _meta: { 'tool-gateway/staleServers': ['alpha'] } }
  expect(listResult(method, view, undefined)).toEqual({ ...items, ...stale })
})

test('servers that have not answered are named as missing', () => {
  const empty = catalogOf([server(), undefined]).viewOf(principal())
  expect(listResult('tools/list', empty, undefined)).toEqual({
    tools: [],
    _meta: { 'tool-gateway/missingServers': ['alpha'] },
  })
})

test('a view with nothing to say about its servers has no _meta', () => {
  const catalog = catalogOf([server(), everything])
  catalog.setAvailable('acme/alpha', true)
  expect(Object.keys(listResult('tools/list', catalog.viewOf(principal()), undefined) ?? {})).toEqual([
    'tools',
  ])
})

test('more than a page goes on at the cursor, and each item comes once', () => {
  const tools = Array.from({ length: 1500 }, (_, index) => tool(`t${index}`))
  const many = catalogOf([server(), offer({ tools })]).viewOf(principal())
  const first = listResult('tools/list', many, undefined)
  const second = listResult('tools/list', many, first?.['nextCursor'])
  const pages = [first, second].map((page) => page?.['tools'] as { name: string }[])
  expect(pages.map(({ length }) => length)).toEqual([1000, 500])
  expect(second).not.toHaveProperty('nextCursor')
  const names = pages.flatMap((page) => page.map(({ name }) => name))
  expect(new Set(names).size).toBe(1500)
})

test.each([['x'], [5], [null], [{}]])('the cursor %j is none', (cursor) => {
  expect(() => listResult('tools/list', view, cursor)).toThrow(
    expect.objectContaining({ code: 'invalid_cursor' }),
  )
})

test('a method that is no list is left to others, whatever its cursor', () => {
  expect(listResult('tools/call', view, 5)).toBeUndefined()
  expect(listResult('__proto__', view, undefined)).toBeUndefined()
})
