import { describe, expect, test } from '@jest/globals'
import * as fc from 'fast-check'
import { isJsonObject } from '../../src/domain/json/json.ts'
import { isList, listResult } from '../../src/mcp/methods/list-results.ts'
import type { Offer } from '../../src/upstream/discovery/discovery.ts'
import { LIST_READERS, type Lists } from '../support/list-readers.ts'
import { offer, principal, server } from '../support/offers.ts'
import { catalogOf, methodOf } from '../support/routing.ts'
import { GOOD, ITEMS, LISTS, offered } from './definitions.ts'

/** Values that are wrong nearly everywhere, and right somewhere. */
const ODD: readonly unknown[] = JSON.parse(`[
  null, [], {}, "", "x", 0, -1, 1.5, true, false, [null], ["a"], [1], [{}], { "a": null }, { "a": [] },
  { "type": "int" }, { "type": "array" }, { "$id": "urn:a" }, { "$id": 5 }, { "$ref": "urn:b" }, { "$ref": "#/a" },
  "#", "#/$defs/x", "#/properties/a/enum", "#x", "(", "(?P<a>x)", "https://json-schema.org/draft-07/schema#",
  "http://json-schema.org/draft-04/schema#", "object", ["object"], "number", "optional", "dark",
  1e999, { "__proto__": null, "constructor": [] }
]`) as readonly unknown[]
const odd = fc.oneof(fc.constantFrom(...ODD), fc.jsonValue({ maxDepth: 3 }))
const NAMES = [
  'id',
  '$id',
  '$anchor',
  '$async',
  '$dynamicRef',
  '$ref',
  '$schema',
  'nullable',
  'items',
  '__proto__',
]

/** Each place of a value: what to follow to get there. */
function placesIn(value: unknown, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((each, index) => placesIn(each, [...path, index]))]
  if (!isJsonObject(value)) return [path]
  const added = NAMES.map((name) => [...path, name])
  return [path, ...added, ...Object.entries(value).flatMap(([name, each]) => placesIn(each, [...path, name]))]
}

function changed(value: unknown, [step, ...rest]: readonly (string | number)[], to: unknown): unknown {
  if (step === undefined) return to
  if (Array.isArray(value))
    return value.map((each, index) => (index === step ? changed(each, rest, to) : (each as unknown)))
  const given = isJsonObject(value) ? value : {}
  const member = Object.hasOwn(given, String(step)) ? given[step] : undefined
  return Object.fromEntries([
    ...Object.entries(given).filter(([name]) => name !== String(step)),
    [String(step), changed(member, rest, to)],
  ])
}

const mutated = fc.constantFrom(...LISTS).chain((list) =>
  fc.record({
    list: fc.constant(list),
    item: fc
      .array(fc.tuple(fc.constantFrom(...placesIn(ITEMS[list])), odd), { minLength: 1, maxLength: 2 })
      .map((changes) =>
        changes.reduce((item: unknown, [place, to]) => changed(item, place, to), ITEMS[list]),
      ),
  }),
)

/** The lists of two servers together: one offers what it is given, the other a good item of each kind. */
function listsOf(strange: Offer): Lists {
  const good = offer(Object.fromEntries(LISTS.map((list) => [list, [GOOD[list]]])))
  const catalog = catalogOf([server(), strange], [server({ name: 'beta' }), good])
  const view = catalog.viewOf(principal())
  return (name, era, cursor) => {
    const method = methodOf(name)
    return isList(method)
      ? listResult(method, view, { principal: principal(), scope: undefined, era, cursor })
      : {}
  }
}

async function namesRead(connect: (lists: Lists) => Promise<unknown>, lists: Lists): Promise<string[]> {
  const reader = (await connect(lists)) as Awaited<ReturnType<(typeof LIST_READERS)[number][1]>>
  try {
    const { tools } = await reader.listTools()
    const { prompts } = await reader.listPrompts()
    const { resources } = await reader.listResources()
    const { resourceTemplates } = await reader.listResourceTemplates()
    return [...tools, ...prompts, ...resources, ...resourceTemplates].map(({ name }) => name)
  } finally {
    await reader.close()
  }
}

describe.each(LIST_READERS)('%s', (_name, connect) => {
  test('reads the lists of all servers, whatever one of them lists', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(mutated, { minLength: 1, maxLength: 12 }), async (items) => {
        const names = await namesRead(connect, listsOf(await offered(items)))
        expect(names).toEqual(expect.arrayContaining(['beta_good', 'good']))
        expect(names.filter((name) => name === 'beta_good')).toHaveLength(2)
      }),
      { numRuns: 60 },
    )
  })

  test('gets a valid definition of every kind, odd ones beside it', async () => {
    const whole = LISTS.map((list) => ({ list, item: ITEMS[list] }))
    const names = await namesRead(connect, listsOf(await offered(whole)))
    expect(names.toSorted()).toEqual([
      'alpha_odd',
      'alpha_odd',
      'beta_good',
      'beta_good',
      'good',
      'good',
      'odd',
      'odd',
    ])
  })
})

test('what is valid stays as it is, to the letter', async () => {
  const whole = LISTS.map((list) => ({ list, item: ITEMS[list] }))
  const { problems, ...lists } = await offered(whole)
  expect(problems).toEqual([])
  expect(JSON.stringify(LISTS.map((list) => new Map<string, unknown>(Object.entries(lists)).get(list)))).toBe(
    JSON.stringify(LISTS.map((list) => [ITEMS[list]])),
  )
})
