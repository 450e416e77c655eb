import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { discover, type Offer } from '../../../src/upstream/discovery/discovery.ts'
import { FakeConnection } from '../fake-connection.ts'

const ALL = { tools: {}, resources: {}, prompts: {} }
const options = { timeoutMs: 1000, signal: new AbortController().signal }
const tool = (name: unknown, more: object = {}): object => ({
  name,
  inputSchema: { type: 'object' },
  ...more,
})

function offerOf(
  answers: ConstructorParameters<typeof FakeConnection>[0],
  capabilities: Record<string, unknown> = ALL,
): Promise<Offer> {
  return discover(new FakeConnection(answers, capabilities), options)
}

test('everything that a server has is in the offer', async () => {
  const offer = await offerOf({
    'tools/list': () => ({ tools: [tool('a', { x: 1 })] }),
    'resources/list': () => ({ resources: [{ name: 'r', uri: 'r://1' }] }),
    'resources/templates/list': () => ({ resourceTemplates: [{ name: 't', uriTemplate: 't://{id}' }] }),
    'prompts/list': () => ({ prompts: [{ name: 'p' }] }),
  })
  expect(offer).toEqual({
    tools: [{ name: 'a', inputSchema: { type: 'object' }, x: 1 }],
    resources: [{ name: 'r', uri: 'r://1' }],
    resourceTemplates: [{ name: 't', uriTemplate: 't://{id}' }],
    prompts: [{ name: 'p' }],
    capabilities: ALL,
    instructions: 'Be brief.',
    needsClient: {
      tools: new Set(),
      prompts: new Set(),
      resources: new Set(),
      resourceTemplates: new Set(),
    },
    ttlMs: {},
    problems: [],
  })
})

describe('how long a list is good for', () => {
  const timesOf = (era: string, ...pages: unknown[]): Promise<Offer['ttlMs']> => {
    const connection = new FakeConnection(
      {
        'tools/list': (params) => {
          const page = Number(params?.['cursor'] ?? 0)
          const nextCursor = page + 1 < pages.length ? { nextCursor: String(page + 1) } : {}
          return { tools: [], ttlMs: pages[page], ...nextCursor }
        },
        'prompts/list': () => ({ prompts: [] }),
      },
      { tools: {}, prompts: {} },
    )
    return discover(Object.assign(connection, { era }), options).then(({ ttlMs }) => ttlMs)
  }

  test('is the shortest that a page of a modern server gives', async () => {
    expect(await timesOf('modern', 5000, 3000, 4000)).toEqual({ tools: 3000 })
  })

  test.each([
    [-1, { tools: 0 }],
    [0, { tools: 0 }],
    [1.5, {}],
    ['5', {}],
    [undefined, {}],
    [1e300, {}],
  ])('given as %j is %j', async (given, expected) => {
    expect(await timesOf('modern', given)).toEqual(expected)
  })

  test('is nothing that a legacy server can say', async () => {
    expect(await timesOf('legacy', 5000)).toEqual({})
  })
})

test('only what the server declares is asked for', async () => {
  const connection = new FakeConnection({ 'prompts/list': () => ({ prompts: [] }) }, { prompts: {} })
  await discover(connection, options)
  expect(connection.requests.map(({ method }) => method)).toEqual(['prompts/list'])
})

describe('pages', () => {
  test('are followed to the end, and an empty cursor is one', async () => {
    const pages = new Map<unknown, object>([
      [undefined, { tools: [tool('a')], nextCursor: '' }],
      ['', { tools: [tool('b')], nextCursor: 'c' }],
      ['c', { tools: [tool('c')] }],
    ])
    const offer = await offerOf({ 'tools/list': (params) => ({ ...pages.get(params?.['cursor']) }) })
    expect(offer.tools.map(({ name }) => name)).toEqual(['a', 'b', 'c'])
  })

  test.each([[['a', 'b']], [[]]])(
    'of a server that means none by an empty cursor are read without a problem (%p)',
    async (names) => {
      const tools = names.map((name) => tool(name))
      const offer = await offerOf({ 'tools/list': () => ({ tools, nextCursor: '' }) })
      expect([offer.tools.map(({ name }) => name), offer.problems]).toEqual([names, []])
    },
  )

  test('that repeat themselves are noticed', async () => {
    const offer = await offerOf({
      'tools/list': (params) => ({ tools: [tool(`t${String(params?.['cursor'])}`)], nextCursor: 'same' }),
    })
    expect(offer.tools).toHaveLength(2)
    expect(offer.problems).toEqual(['tools/list: the pages repeat'])
  })

  test('are at most 64', async () => {
    let page = 0
    const offer = await offerOf({
      'tools/list': () => ({ tools: [tool(`t${page}`)], nextCursor: `${(page += 1)}` }),
    })
    expect(offer.tools).toHaveLength(64)
    expect(offer.problems).toEqual(['tools/list: only the first 64 pages are used'])
  })

  test('hold at most 10,000 items', async () => {
    const offer = await offerOf({
      'tools/list': () => ({ tools: Array.from({ length: 10_001 }, (_, i) => tool(`t${i}`)) }),
    })
    expect(offer.tools).toHaveLength(10_000)
    expect(offer.problems).toEqual(['tools/list: only the first 10000 tools are used'])
  })

  test('without a list end it, and count as empty', async () => {
    const offer = await offerOf({ 'tools/list': () => ({ tools: 'none', nextCursor: 'x' }) })
    expect(offer.tools).toEqual([])
    expect(offer.problems).toEqual(['tools/list: the answer has no list of tools'])
  })
})

/** A value that JSON can carry and recursion cannot follow. */
function nested(depth: number): unknown {
  return JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)
}

describe('an invalid item is left out alone', () => {
  test.each([
    [null, 'tool number 2: expected an object, received null; the tool is left out'],
    [tool(''), 'tool number 2: name: expected a non-empty string, received ""; the tool is left out'],
    [tool(7), 'tool number 2: name: expected a non-empty string, received 7; the tool is left out'],
    [{ name: 'bad' }, 'tool bad: inputSchema: expected an object, received nothing; the tool is left out'],
    [
      { name: 'bad', inputSchema: { type: 'string' } },
      'tool bad: inputSchema.type: expected "object", received "string"; the tool is left out',
    ],
    [
      tool('bad', { description: 'x'.repeat(65_536) }),
      'tool bad: its definition is larger than 64 KiB; it is left out',
    ],
    [tool('bad', { x: nested(128) }), 'tool bad: its definition is nested too deeply; it is left out'],
    [tool('bad', { x: nested(20_000) }), 'tool bad: its definition is nested too deeply; it is left out'],
    [tool('good'), 'tool good: it is listed more than once; the first one counts'],
    [
      tool('new\nline', { inputSchema: 1 }),
      'tool new line: inputSchema: expected an object, received 1; the tool is left out',
    ],
  ])('tool %#', async (item, problem) => {
    const offer = await offerOf({ 'tools/list': () => ({ tools: [tool('good'), item, tool('also')] }) })
    expect(offer.tools.map(({ name }) => name)).toEqual(['good', 'also'])
    expect(offer.problems).toEqual([problem])
  })

  test('resources and templates need their address', async () => {
    const offer = await offerOf({
      'resources/list': () => ({
        resources: [{ name: 'r' }, { name: 'r', uri: 'r://1' }, { name: 'r', uri: 'r://2' }],
      }),
      'resources/templates/list': () => ({ resourceTemplates: [{ name: 't', uri: 'x' }] }),
    })
    expect(offer.resources).toHaveLength(2)
    expect(offer.problems).toEqual([
      'resource template t: uriTemplate: expected a non-empty string, received nothing; the resource template is left out',
      'resource r: uri: expected a non-empty string, received nothing; the resource is left out',
    ])
  })
})

describe('a tool of which an argument cannot be a header', () => {
  const marked = (name: unknown, type: unknown = 'string'): object => ({ type, 'x-mcp-header': name })
  const schema = (properties: object, more: object = {}): object => ({ type: 'object', properties, ...more })
  const listed = async (era: string, inputSchema: object): Promise<Offer> => {
    const tools = [tool('good'), { name: 'bad', inputSchema }, tool('also')]
    const connection = new FakeConnection({ 'tools/list': () => ({ tools }) })
    return discover(Object.assign(connection, { era }), options)
  }
  const NO_NAME = 'is not a valid header name'
  const NO_TYPE = 'is not on a string, an integer or a boolean'
  const NO_PLACE = 'is not on a property that is reachable through "properties" alone'
  const INVALID: [string, object, string, string][] = [
    ['an empty name', schema({ a: marked('') }), 'a', NO_NAME],
    ['a name that is no text', schema({ a: marked(1) }), 'a', NO_NAME],
    ['a name with a blank', schema({ a: marked('My Region') }), 'a', NO_NAME],
    ['a name with a colon', schema({ a: marked('Region:x') }), 'a', NO_NAME],
    ['a name with a control character', schema({ a: marked('A\r\nB') }), 'a', NO_NAME],
    ['a name outside of ASCII', schema({ a: marked('Région') }), 'a', NO_NAME],
    ['an object', schema({ a: marked('A', 'object') }), 'a', NO_TYPE],
    ['an array', schema({ a: marked('A', 'array') }), 'a', NO_TYPE],
    ['null', schema({ a: marked('A', 'null') }), 'a', NO_TYPE],
    ['any number', schema({ a: marked('A', 'number') }), 'a', NO_TYPE],
    ['several types', schema({ a: marked('A', ['string', 'integer']) }), 'a', NO_TYPE],
    ['no type', schema({ a: { 'x-mcp-header': 'A' } }), 'a', NO_TYPE],
    [
      'a name twice',
      schema({ a: marked('A'), b: marked('A') }),
      'b',
      'is already used by another annotation',
    ],
    [
      'a name twice in other letters, at another depth',
      schema({ a: marked('My-A'), b: schema({ c: marked('my-a') }) }),
      'b.c',
      'is already used by another annotation',
    ],
    ['the arguments as a whole', { ...schema({}), 'x-mcp-header': 'A' }, 'the root', NO_PLACE],
    ['an item', schema({ a: { type: 'array', items: marked('A') } }), 'a.items', NO_PLACE],
    ['one of several forms', schema({}, { oneOf: [schema({ a: marked('A') })] }), 'oneOf.a', NO_PLACE],
    ['what is defined apart', schema({}, { $defs: { a: marked('A') } }), '$defs', NO_PLACE],
    ['a property with a line break in its name', schema({ 'a\nb': marked('') }), 'a b', NO_NAME],
  ]

  test.each(INVALID)('is left out where a modern server marks %s', async (_what, inputSchema, at, why) => {
    const offer = await listed('modern', inputSchema)
    expect(offer.tools.map(({ name }) => name)).toEqual(['good', 'also'])
    expect(offer.problems).toEqual([`tool bad: its x-mcp-header at ${at} ${why}`])
  })

  test.each(INVALID)('is as good as any where a legacy server marks %s', async (_what, inputSchema) => {
    const offer = await listed('legacy', inputSchema)
    expect(offer.tools.map(({ name }) => name)).toEqual(['good', 'bad', 'also'])
    expect(offer.problems).toEqual([])
  })

  test('stays where its marks are valid, and where they are no marks', async () => {
    const offer = await listed(
      'modern',
      schema({
        a: marked('A'),
        n: marked('N', 'integer'),
        'x-mcp-header': schema({ b: marked('B', 'boolean') }),
        c: { type: 'string', default: { 'x-mcp-header': '' }, enum: [{ 'x-mcp-header': '' }] },
      }),
    )
    expect(offer.tools.map(({ name }) => name)).toEqual(['good', 'bad', 'also'])
    expect(offer.problems).toEqual([])
  })
})

describe('the definitions of a server have 8 MiB together', () => {
  const large = (index: number): JsonObject => ({ description: 'x'.repeat(60_000), name: `n${index}` })

  test('in one list', async () => {
    const tools = Array.from({ length: 200 }, (_, index) => tool(`n${index}`, large(index)))
    const offer = await offerOf({ 'tools/list': () => ({ tools }) })
    expect(offer.tools).toHaveLength(139)
    expect(offer.problems).toEqual(['tools/list: only the first 8 MiB are used'])
  })

  test('those that are left out included, after which no page is read', async () => {
    let pages = 0
    const offer = await offerOf({
      'tools/list': () => {
        pages += 1
        const tools = Array.from({ length: 20 }, (_, index) =>
          tool(`n${pages}-${index}`, { description: 'x'.repeat(200_000) }),
        )
        return { tools, nextCursor: String(pages) }
      },
    })
    expect(offer.tools).toEqual([])
    expect(pages).toBe(3)
    expect(offer.problems.at(-1)).toBe('tools/list: only the first 8 MiB are used')
  })

  test('of which tools get theirs first', async () => {
    const prompts = Array.from({ length: 100 }, (_, index) => large(index))
    const tools = Array.from({ length: 100 }, (_, index) => tool(`n${index}`, large(index)))
    const offer = await offerOf({ 'tools/list': () => ({ tools }), 'prompts/list': () => ({ prompts }) })
    expect(offer.tools).toHaveLength(100)
    expect(offer.prompts).toHaveLength(39)
    expect(offer.problems).toEqual([
      'prompts/list: 61 are left out: the definitions of a server may have 8 MiB together',
    ])
  })
})

test('a cursor that is no text ends the list and is reported', async () => {
  const offer = await offerOf({ 'tools/list': () => ({ tools: [tool('a')], nextCursor: 2 }) })
  expect(offer.tools).toHaveLength(1)
  expect(offer.problems).toEqual(['tools/list: nextCursor: expected a string; no more pages are read'])
})

test.each([
  [{}, ['its capabilities declare no tools, resources or prompts, so it is asked for none']],
  [{ logging: {} }, ['its capabilities declare no tools, resources or prompts, so it is asked for none']],
  [{ prompts: {} }, []],
])('a server that declares %j is not silently without tools', async (capabilities, problems) => {
  const offer = await offerOf({ 'prompts/list': () => ({ prompts: [] }) }, capabilities)
  expect(offer.problems).toEqual(problems)
})
