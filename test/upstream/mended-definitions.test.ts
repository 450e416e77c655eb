import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Offer } from '../../src/upstream/discovery/discovery.ts'
import { tool } from '../support/offers.ts'
import { GOOD, offered } from './definitions.ts'

describe('an odd definition', () => {
  const one = async (list: string, fields: JsonObject): Promise<Offer> => {
    const item = { ...GOOD[list], name: 'bad', ...fields }
    return offered([{ list, item }])
  }
  const input = (fields: JsonObject): JsonObject => ({ inputSchema: { type: 'object', ...fields } })
  const output = (fields: JsonObject): JsonObject => ({ outputSchema: { type: 'object', ...fields } })

  test.each<[string, JsonObject, JsonObject, string]>([
    ['tools', { title: null }, {}, 'title: expected a string, received null; left out'],
    ['tools', { description: 5 }, {}, 'description: expected a string, received 5; left out'],
    ['tools', { _meta: [] }, { _meta: {} }, '_meta: expected an object, received an array; taken as {}'],
    [
      'tools',
      { annotations: { readOnlyHint: 'yes', title: 'T' } },
      { annotations: { title: 'T' } },
      'annotations.readOnlyHint: expected a boolean, received "yes"; left out',
    ],
    [
      'tools',
      { icons: [{ url: 'x' }] },
      {},
      'icons[0].src: expected a string, received nothing; icons is left out',
    ],
    [
      'tools',
      { execution: { taskSupport: 'maybe' } },
      { execution: {} },
      'execution.taskSupport: expected "required" or "optional" or "forbidden", received "maybe"; left out',
    ],
    [
      'tools',
      { inputSchema: [] },
      { inputSchema: { type: 'object' } },
      'inputSchema: expected an object, received an array; taken as {}',
    ],
    [
      'tools',
      input({ properties: [] }),
      input({ properties: {} }),
      'inputSchema.properties: expected an object, received an array; taken as {}',
    ],
    [
      'tools',
      input({ properties: { a: null } }),
      input({ properties: { a: {} } }),
      'inputSchema.properties.a: expected a schema, received null; taken as {}',
    ],
    [
      'tools',
      input({ properties: { a: { type: 'int' } } }),
      input({ properties: { a: {} } }),
      'inputSchema.properties.a.type: expected a JSON Schema type, received "int"; left out',
    ],
    [
      'tools',
      input({ properties: { required: ['a'] } }),
      input({ properties: {} }),
      'inputSchema.properties.required: expected an object, received an array; left out',
    ],
    [
      'tools',
      input({ required: true }),
      input({}),
      'inputSchema.required: expected an array, received true; left out',
    ],
    [
      'tools',
      input({ not: { type: 'int' } }),
      input({}),
      'inputSchema.not.type: expected a JSON Schema type, received "int"; inputSchema.not is left out',
    ],
    [
      'tools',
      output({ properties: [] }),
      output({ properties: {} }),
      'outputSchema.properties: expected an object, received an array; taken as {}',
    ],
    [
      'tools',
      output({ properties: { a: { pattern: '(?P<x>a)' } } }),
      {},
      'outputSchema.properties.a.pattern: expected an ECMAScript regular expression, received "(?P<x>a)"; outputSchema is left out',
    ],
    [
      'tools',
      output({ $ref: 'https://x.example/y' }),
      {},
      'outputSchema.$ref: expected a reference to a part of the schema itself; outputSchema is left out',
    ],
    ['tools', { outputSchema: true }, {}, 'outputSchema: expected an object, received true; left out'],
    ['resources', { size: '12' }, {}, 'size: expected a number, received "12"; left out'],
    [
      'resources',
      { annotations: { priority: 5 } },
      { annotations: {} },
      'annotations.priority: expected a number from 0 to 1, received 5; left out',
    ],
    [
      'resources',
      { annotations: { lastModified: 'yesterday' } },
      { annotations: {} },
      'annotations.lastModified: expected an ISO 8601 time, received "yesterday"; left out',
    ],
    ['resourceTemplates', { mimeType: null }, {}, 'mimeType: expected a string, received null; left out'],
    [
      'prompts',
      { arguments: {} },
      { arguments: [] },
      'arguments: expected an array, received an object; taken as []',
    ],
    [
      'prompts',
      { arguments: [{ name: 'a', required: 'true' }] },
      { arguments: [{ name: 'a' }] },
      'arguments[0].required: expected a boolean, received "true"; left out',
    ],
  ])('in %s as %j is offered as %j', async (list, fields, expected, problem) => {
    const { problems, ...lists } = await one(list, fields)
    expect(Reflect.get(lists, list)).toEqual([{ ...GOOD[list], name: 'bad', ...expected }])
    const word = list === 'resourceTemplates' ? 'resource template' : list.slice(0, -1)
    expect(problems[0]).toBe(`${word} bad: ${problem}`)
  })

  test.each<[string, JsonObject, string]>([
    [
      'tools',
      { inputSchema: null },
      'tool bad: inputSchema: expected an object, received null; the tool is left out',
    ],
    [
      'tools',
      { inputSchema: { type: 'string' } },
      'tool bad: inputSchema.type: expected "object", received "string"; the tool is left out',
    ],
    [
      'tools',
      { name: 5 },
      'tool number 1: name: expected a non-empty string, received 5; the tool is left out',
    ],
    [
      'resources',
      { uri: '' },
      'resource bad: uri: expected a non-empty string, received ""; the resource is left out',
    ],
    [
      'resources',
      { name: null },
      'resource x://good: name: expected a string, received null; the resource is left out',
    ],
    [
      'prompts',
      { arguments: [{ description: 'x' }] },
      'prompt bad: arguments[0].name: expected a string, received nothing; the prompt is left out',
    ],
    [
      'prompts',
      { arguments: 'a' },
      'prompt bad: arguments: expected an array, received "a"; the prompt is left out',
    ],
  ])('in %s as %j is left out', async (list, fields, problem) => {
    const { problems, ...lists } = await one(list, fields)
    expect(Reflect.get(lists, list)).toEqual([])
    expect(problems).toEqual([problem])
  })

  test('that many items have is one problem', async () => {
    const items = ['a', 'b', 'c'].map((name) => ({ list: 'tools', item: { ...tool(name), title: null } }))
    const { problems } = await offered(items)
    expect(problems).toEqual(['tool a and 2 more: title: expected a string, received null; left out'])
  })

  test('with many problems shows the first 100', async () => {
    const properties = Object.fromEntries(Array.from({ length: 150 }, (_, index) => [`p${index}`, 7]))
    const { problems } = await one('tools', input({ properties }))
    expect(problems).toHaveLength(101)
    expect(problems.at(-1)).toBe('50 more problems are not shown')
  })

  test('loses the name of its output schema, which clients share between tools', async () => {
    const { tools } = await one('tools', output({ $id: 'urn:x', properties: { a: { $ref: '#' } } }))
    expect(tools[0]?.['outputSchema']).toEqual({ type: 'object', properties: { a: { $ref: '#' } } })
  })
})
