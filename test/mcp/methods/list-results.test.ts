import { describe, expect, test } from '@jest/globals'
import type { View } from '../../../src/catalog/view.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { isList, type ListRequest, listResult } from '../../../src/mcp/methods/list-results.ts'
import { methodTable } from '../../../src/calls/methods.ts'
import type { NamedItem } from '../../../src/upstream/discovery/listing.ts'
import { offer, principal, server, tool } from '../../support/offers.ts'
import { catalogOf } from '../../support/routing.ts'

const everything = offer({
  tools: [tool('echo', { x: 1 })],
  prompts: [{ name: 'greet', x: 2 }],
  resources: [{ name: 'one', uri: 'x://1', x: 3 }],
  resourceTemplates: [{ name: 'any', uriTemplate: 'x://{id}', x: 4 }],
})
const view = catalogOf([server(), everything]).viewOf(principal())
const METHODS = ['tools/list', 'prompts/list', 'resources/list', 'resources/templates/list']

function listed(method: string, of: View, request: Partial<ListRequest> = {}): JsonObject | undefined {
  const row = methodTable().get(method)
  if (!isList(row)) return undefined
  return listResult(row, of, {
    principal: principal(),
    scope: undefined,
    era: 'legacy',
    cursor: undefined,
    ...request,
  })
}

test.each([
  ['tools/list', { tools: [{ name: 'alpha_echo', inputSchema: { type: 'object' }, x: 1 }] }],
  ['prompts/list', { prompts: [{ name: 'alpha_greet', x: 2 }] }],
  ['resources/list', { resources: [{ name: 'one', uri: 'x://1', x: 3 }] }],
  ['resources/templates/list', { resourceTemplates: [{ name: 'any', uriTemplate: 'x://{id}', x: 4 }] }],
])('%s shows its part of the view, every field', (method, items) => {
  const stale = { _meta: { 'tool-gateway/staleServers': ['alpha'] } }
  expect(listed(method, view)).toEqual({ ...items, ...stale })
})

describe('a definition is listed as the same JSON text', () => {
  /** Order, numbers, odd keys, odd characters and depth that a copy through a schema would not survive. */
  const odd = JSON.parse(
    String.raw`{"z":1,"a":[null,{"__proto__":{"x":1},"constructor":2,"":0}],"10":1,"9":2,"e":1e21,"neg":-0.5,` +
      String.raw`"text":"\u0000\ud800 é </script>","_meta":{"vendor.example/k":[[[[]]]],"ui":{"visibility":"?"}},` +
      String.raw`"inputSchema":{"type":"object","$defs":{"x":{"$ref":"#/$defs/x"}},"toJSON":1},"icons":[{"src":"x"}]}`,
  ) as JsonObject
  const given = (name: string, fields: JsonObject): NamedItem => ({ ...odd, ...fields, name })
  const TOOL = given('t', { title: 'T', description: 'd' })
  const PROMPT = given('p', { arguments: [{ name: 'q', x: 1 }] })
  const RESOURCE = given('r', { uri: 'x://1' })
  const TEMPLATE = given('u', { uriTemplate: 'x://{id}' })
  const offered = offer({
    tools: [TOOL],
    prompts: [PROMPT],
    resources: [RESOURCE],
    resourceTemplates: [TEMPLATE],
  })
  const textsOf = (of: View): string[] =>
    METHODS.flatMap((method) =>
      Object.entries(listed(method, of) ?? {})
        .filter(([key]) => key !== '_meta')
        .map(([, items]) => JSON.stringify(items)),
    )

  test('at its server alone, without any difference', () => {
    const catalog = catalogOf([server(), offered])
    expect(textsOf(catalog.viewOf(principal(), 'alpha'))).toEqual(
      [TOOL, PROMPT, RESOURCE, TEMPLATE].map((item) => JSON.stringify([item])),
    )
  })

  test('among all servers, but for the name of a tool and a prompt', () => {
    const catalog = catalogOf([server(), offered])
    expect(textsOf(catalog.viewOf(principal()))).toEqual(
      [{ ...TOOL, name: 'alpha_t' }, { ...PROMPT, name: 'alpha_p' }, RESOURCE, TEMPLATE].map((item) =>
        JSON.stringify([item]),
      ),
    )
  })

  test('but for the title and description that the operator wrote', () => {
    const edited = server({ tools: { t: { title: 'Ours', description: 'ours' } } })
    const [tools] = textsOf(catalogOf([edited, offered]).viewOf(principal(), 'alpha'))
    expect(tools).toBe(JSON.stringify([{ ...TOOL, title: 'Ours', description: 'ours' }]))
  })
})

test('servers that have not answered are named as missing', () => {
  const empty = catalogOf([server(), undefined]).viewOf(principal())
  expect(listed('tools/list', empty)).toEqual({
    tools: [],
    _meta: { 'tool-gateway/missingServers': ['alpha'] },
  })
})

test('a view with nothing to say about its servers has no _meta', () => {
  const catalog = catalogOf([server(), everything])
  catalog.setAvailable('acme/alpha', true)
  expect(Object.keys(listed('tools/list', catalog.viewOf(principal())) ?? {})).toEqual(['tools'])
})

describe('how long a list is good for', () => {
  const timed = catalogOf([server(), offer({ ttlMs: { tools: 3000 } })]).viewOf(principal())

  test('modern clients get what a server stated, and that the list must not be shared', () => {
    const [tools, ...others] = METHODS.map((method) => listed(method, timed, { era: 'modern' }))
    expect(tools).toMatchObject({ ttlMs: 3000, cacheScope: 'private' })
    for (const other of others) {
      expect(other).toMatchObject({ cacheScope: 'private' })
      expect(other).not.toHaveProperty('ttlMs')
    }
  })

  test('legacy clients are not told', () => {
    for (const method of METHODS) {
      expect(listed(method, timed)).not.toHaveProperty('ttlMs')
      expect(listed(method, timed)).not.toHaveProperty('cacheScope')
    }
  })
})

describe('more than a page', () => {
  const tools = Array.from({ length: 1500 }, (_, index) => tool(`t${index}`))
  const many = catalogOf([server(), offer({ tools })]).viewOf(principal())
  const first = listed('tools/list', many)
  const cursor = first?.['nextCursor']

  test('continues at the cursor, and lists each item once', () => {
    const second = listed('tools/list', many, { cursor })
    const pages = [first, second].map((page) => page?.['tools'] as { name: string }[])
    expect(pages.map(({ length }) => length)).toEqual([1000, 500])
    expect(second).not.toHaveProperty('nextCursor')
    const names = pages.flatMap((page) => page.map(({ name }) => name))
    expect(new Set(names).size).toBe(1500)
  })

  test.each<[string, string, Partial<ListRequest>]>([
    ['another caller', 'tools/list', { principal: principal({ subject: 'bob' }) }],
    ['another list', 'prompts/list', {}],
    ['one server alone', 'tools/list', { scope: 'alpha' }],
  ])('does not go on for %s', (_what, method, request) => {
    expect(() => listed(method, many, { ...request, cursor })).toThrow(
      expect.objectContaining({ code: 'invalid_cursor' }),
    )
  })
})

test.each([['x'], [''], [5], [null], [{}]])('the cursor %j is not valid', (cursor) => {
  expect(() => listed('tools/list', view, { cursor })).toThrow(
    expect.objectContaining({ code: 'invalid_cursor' }),
  )
})

test('a method that is not a list is ignored, regardless of its cursor', () => {
  expect(listed('tools/call', view, { cursor: 5 })).toBeUndefined()
  expect(listed('__proto__', view)).toBeUndefined()
})

test('a property whose schema is true or false is an object for legacy clients only', () => {
  const given = { type: 'object', properties: { a: true, b: false, c: { type: 'string' } } }
  const both = catalogOf([
    server(),
    offer({ tools: [tool('t', { inputSchema: given, outputSchema: given })] }),
  ]).viewOf(principal())
  const translated = { type: 'object', properties: { a: {}, b: { not: {} }, c: { type: 'string' } } }
  expect(listed('tools/list', both, { era: 'legacy' })).toMatchObject({
    tools: [{ inputSchema: translated, outputSchema: translated }],
  })
  expect(listed('tools/list', both, { era: 'modern' })).toMatchObject({
    tools: [{ inputSchema: given, outputSchema: given }],
  })
})
