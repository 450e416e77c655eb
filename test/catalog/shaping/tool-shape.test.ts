import { describe, expect, test } from '@jest/globals'
import { Catalog } from '../../../src/catalog/catalog.ts'
import type { CatalogItem, ServerCatalog } from '../../../src/catalog/server-catalog.ts'
import { changedKinds } from '../../../src/catalog/view.ts'
import type { NamedItem } from '../../../src/upstream/discovery/listing.ts'
import { offer, principal, server, snapshotOf, tool } from '../../support/offers.ts'

const SCHEMA = {
  type: 'object',
  properties: { a: { type: 'number' }, b: { type: 'number' } },
  required: ['a', 'b'],
  additionalProperties: false,
}
const SUM = tool('sum', { inputSchema: SCHEMA, description: 'adds', x: { y: 1 } })

function catalogWith(tools: Record<string, unknown>, offered: NamedItem[] = [SUM]): Catalog {
  const catalog = new Catalog()
  catalog.applySnapshot(snapshotOf(server({ tools })))
  catalog.setOffer('acme/alpha', offer({ tools: offered }))
  return catalog
}

function serverCatalog(tools: Record<string, unknown>, offered?: NamedItem[]): ServerCatalog {
  const found = catalogWith(tools, offered).catalogOf(server())
  if (found === undefined) throw new Error('no catalog')
  return found
}

const namesIn = (items: readonly CatalogItem[]): string[] => items.map(({ shownAs }) => shownAs)

describe('a tool with a name of the operator', () => {
  test('has it everywhere, and is known to rules and to its server by its own', () => {
    const catalog = catalogWith({ include: ['sum'], sum: { name: 'add.up' } })
    expect(catalog.viewOf(principal()).tools).toMatchObject([
      { name: 'sum', shownAs: 'alpha_add_up', listed: { ...SUM, name: 'alpha_add_up' } },
    ])
    expect(catalog.viewOf(principal(), 'alpha').tools).toMatchObject([
      { name: 'sum', shownAs: 'add.up', listed: { ...SUM, name: 'add.up' } },
    ])
    expect(catalog.find('tool', 'acme', undefined, 'alpha_add_up')).toMatchObject({ name: 'sum' })
    expect(catalog.find('tool', 'acme', 'alpha', 'sum')).toBeUndefined()
    expect(catalog.toolName('acme/alpha', 'sum')).toBe('add.up')
    expect(catalog.toolName('acme/alpha', 'other')).toBe('other')
    expect(namesIn(catalogWith({ exclude: ['sum'], sum: { name: 'x' } }).viewOf(principal()).tools)).toEqual(
      [],
    )
  })

  test('does not have one that another tool of its server has', () => {
    const offered = [SUM, tool('add_up'), tool('mean')]
    const { tools, problems } = serverCatalog({ sum: { name: 'add.up' }, mean: { name: 'average' } }, offered)
    expect(namesIn(tools.exposed.items)).toEqual(['alpha_add_up', 'alpha_average', 'alpha_sum'])
    expect(namesIn(tools.plain.items)).toEqual(['add_up', 'average', 'sum'])
    expect(problems).toEqual(['tool sum: the name add.up is already taken by add_up'])
  })

  test('can have the name of one that has another', () => {
    const { tools, problems } = serverCatalog({ sum: { name: 'mean' }, mean: { name: 'old-mean' } }, [
      SUM,
      tool('mean'),
    ])
    expect([...tools.plain.byName].map(([name, item]) => [name, item.name])).toEqual([
      ['mean', 'sum'],
      ['old-mean', 'mean'],
    ])
    expect(problems).toEqual([])
  })
})

describe('the arguments of a tool', () => {
  test('are listed as the operator wants them, and their tool is otherwise as its server gave it', () => {
    const { tools, toolsByOwnName } = serverCatalog({
      sum: { fixed: { b: 2 }, arguments: { first: 'a' }, defaults: { a: 1 }, maxResultBytes: 100 },
    })
    expect(tools.plain.items[0]?.listed).toEqual({
      ...SUM,
      inputSchema: {
        type: 'object',
        properties: { first: { type: 'number', default: 1 } },
        additionalProperties: false,
      },
    })
    expect(toolsByOwnName.get('sum')).toMatchObject({
      own: SUM,
      shape: {
        ownNames: new Map([['first', 'a']]),
        closed: new Set(['a', 'b']),
        defaults: new Map([['a', 1]]),
        fixed: new Map([['b', 2]]),
        maxResultBytes: 100,
      },
    })
  })

  test('follow all entries that match, and where two differ the one with the exact name', () => {
    const shape = serverCatalog({
      sum: { defaults: { a: 1 }, arguments: { x: 'a' } },
      '*': { defaults: { a: 5, b: 6 }, arguments: { y: 'a', x: 'b' }, maxResultBytes: 200 },
    })
    expect(shape.toolsByOwnName.get('sum')?.shape).toMatchObject({
      ownNames: new Map([['x', 'a']]),
      defaults: new Map([
        ['a', 1],
        ['b', 6],
      ]),
      maxResultBytes: 200,
    })
    expect(shape.problems).toEqual(['tool sum: its argument b: the name x is already taken by a'])
  })

  test('that a pattern fixes are fixed, whatever else is wanted of them', () => {
    const { toolsByOwnName } = serverCatalog({
      '*': { fixed: { b: 6 } },
      sum: { defaults: { b: 1 }, arguments: { x: 'b' } },
    })
    expect(toolsByOwnName.get('sum')?.shape).toEqual({
      ownNames: new Map(),
      closed: new Set(['b']),
      defaults: new Map(),
      fixed: new Map([['b', 6]]),
      maxResultBytes: undefined,
    })
  })

  test('that a tool does not have are no matter of a pattern, and a problem of an exact entry', () => {
    const wish = { fixed: { tenant: 't' }, defaults: { limit: 1 }, arguments: { x: 'y' } }
    const byPattern = serverCatalog({ '*': wish })
    expect(byPattern.problems).toEqual([])
    expect(byPattern.tools.plain.items[0]?.listed).toEqual(SUM)
    expect(serverCatalog({ sum: wish }).problems).toEqual([
      'tool sum: its inputSchema has no argument tenant, which is named in fixed',
      'tool sum: its inputSchema has no argument limit, which is named in defaults',
      'tool sum: its inputSchema has no argument y, which is named in arguments',
    ])
  })

  test('that are fixed are sent to every tool that can take them, and closed to callers everywhere', () => {
    const { toolsByOwnName } = serverCatalog({ '*': { fixed: { tenant: 't' } } }, [
      SUM,
      tool('open'),
      tool('patterns', {
        inputSchema: { type: 'object', additionalProperties: false, patternProperties: { '^t': {} } },
      }),
    ])
    const shapes = ['sum', 'open', 'patterns'].map((name) => toolsByOwnName.get(name)?.shape)
    expect(shapes.map((shape) => [...(shape?.fixed ?? [])])).toEqual([
      [],
      [['tenant', 't']],
      [['tenant', 't']],
    ])
    expect(shapes.map((shape) => shape?.closed.has('tenant'))).toEqual([true, true, true])
  })

  test('cannot have the name of another that callers see', () => {
    const { toolsByOwnName, problems } = serverCatalog({ sum: { arguments: { b: 'a' } } })
    expect(toolsByOwnName.get('sum')?.shape).toBeUndefined()
    expect(problems).toEqual(['tool sum: its argument a: the name b is already taken by b'])
  })
})

test('a tool of which nothing is wanted but who may use it is the one that the server gave', () => {
  const { tools, toolsByOwnName } = serverCatalog({ '*': { timeoutMs: 5 }, other: { name: 'x' } })
  expect(tools.plain.items[0]?.listed).toBe(SUM)
  expect(toolsByOwnName.get('sum')?.shape).toBeUndefined()
})

test('tools and entries with names of the prototype are tools and entries like any other', () => {
  const { tools, problems } = serverCatalog({ toString: { name: 'text' } }, [
    tool('constructor'),
    tool('toString'),
  ])
  expect(namesIn(tools.plain.items)).toEqual(['constructor', 'text'])
  expect(problems).toEqual([])
})

describe('an edit', () => {
  const edited = (
    before: Record<string, unknown>,
    after: Record<string, unknown>,
    offered?: NamedItem[],
  ): { catalog: Catalog; changed: string[] } => {
    const catalog = catalogWith(before, offered)
    const seen = catalog.viewOf(principal())
    catalog.applySnapshot(snapshotOf(server({ tools: after })))
    return { catalog, changed: [...changedKinds(seen, catalog.viewOf(principal()))] }
  }

  test('changes the view where tools look different, and only there', () => {
    expect(edited({}, { sum: { name: 'x' } }).changed).toEqual(['tools'])
    expect(edited({}, { sum: { fixed: { b: 1 } } }).changed).toEqual(['tools'])
    expect(edited({ sum: { fixed: { b: 1 } } }, { sum: { fixed: { b: 2 } } }).changed).toEqual([])
    expect(edited({}, { sum: { maxResultBytes: 100 } }).changed).toEqual([])
  })

  test('that does not show takes effect all the same', () => {
    const { catalog } = edited({ sum: { fixed: { b: 1 } } }, { sum: { fixed: { b: 2 } } })
    expect(catalog.catalogOf(server())?.toolsByOwnName.get('sum')?.shape?.fixed.get('b')).toBe(2)
  })

  test('that gives a name to another tool that looks the same leads to that tool', () => {
    const twins = [tool('one'), tool('two')]
    const { catalog } = edited({ one: { name: 'x' } }, { two: { name: 'x' } }, twins)
    expect(catalog.find('tool', 'acme', undefined, 'alpha_x')).toMatchObject({ name: 'two' })
  })
})
