import { describe, expect, test } from '@jest/globals'
import { discover, type Offer } from '../../src/upstream/discovery.ts'
import { FakeConnection, upstreamError } from './fake-connection.ts'

const ALL = { tools: {}, resources: {}, prompts: {} }
const options = { timeoutMs: 1000, signal: new AbortController().signal }
const tool = (name: unknown, more: object = {}): object => ({
  name,
  inputSchema: { type: 'object' },
  ...more,
})

function fails(): never {
  throw upstreamError(-32_603)
}

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
    problems: [],
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

  test('that repeat themselves are noticed', async () => {
    const offer = await offerOf({
      'tools/list': (params) => ({ tools: [tool(`t${String(params?.['cursor'])}`)], nextCursor: 'same' }),
    })
    expect(offer.tools).toHaveLength(2)
    expect(offer.problems).toEqual(['tools/list: the pages repeat themselves'])
  })

  test('are at most 1,000', async () => {
    let page = 0
    const offer = await offerOf({
      'tools/list': () => ({ tools: [tool(`t${page}`)], nextCursor: `${(page += 1)}` }),
    })
    expect(offer.tools).toHaveLength(1000)
    expect(offer.problems).toEqual(['tools/list: only the first 1000 pages are used'])
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

describe('an invalid item is left out alone', () => {
  test.each([
    [null, 'a tool without a name was left out'],
    [tool(''), 'a tool without a name was left out'],
    [tool(7), 'a tool without a name was left out'],
    [{ name: 'bad' }, 'tool bad: its inputSchema is not of type object'],
    [{ name: 'bad', inputSchema: { type: 'string' } }, 'tool bad: its inputSchema is not of type object'],
    [tool('bad', { description: 'x'.repeat(262_144) }), 'tool bad: its definition is too large'],
    [tool('good'), 'tool good: it is listed more than once'],
    [tool('new\nline', { inputSchema: 1 }), 'tool new line: its inputSchema is not of type object'],
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
      'resource r: it has no uri',
      'resource template t: it has no uriTemplate',
    ])
  })
})

describe('a list that fails', () => {
  test('because the server does not know it is empty', async () => {
    const offer = await offerOf({ 'tools/list': () => ({ tools: [] }) })
    expect(offer).toMatchObject({ resources: [], prompts: [], problems: [] })
  })

  test('with an error is empty and reported, except for the tools', async () => {
    const offer = await offerOf({ 'tools/list': () => ({ tools: [] }), 'prompts/list': fails })
    expect(offer).toMatchObject({ prompts: [], problems: ['prompts/list: it failed with error -32603'] })
    await expect(offerOf({ 'tools/list': fails })).rejects.toMatchObject({ code: 'upstream_error' })
  })
})
