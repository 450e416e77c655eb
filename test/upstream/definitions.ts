import type { JsonObject } from '../../src/domain/json/json.ts'
import { discover, type Offer } from '../../src/upstream/discovery/discovery.ts'
import { tool } from '../support/offers.ts'
import { FakeConnection } from './fake-connection.ts'

const ANNOTATIONS = { audience: ['user'], priority: 0.5, lastModified: '2026-01-02T03:04:05Z' }
const DESCRIBED = {
  title: 'T',
  description: 'd',
  icons: [{ src: 'x', mimeType: 'image/png', sizes: ['48x48'], theme: 'dark' }],
  _meta: { a: 1 },
}
const INPUT = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  properties: { a: { type: 'string' }, b: true, c: { anyOf: [{ type: 'integer' }, { not: {} }] } },
  required: ['a'],
  additionalProperties: false,
  $defs: { x: { type: ['array', 'null'], items: { $ref: '#' } } },
}
const OUTPUT = {
  type: 'object',
  properties: {
    a: { type: 'string', pattern: '^a', minLength: 1, enum: ['a', 'b'], nullable: true },
    b: { $ref: '#/$defs/x' },
    c: { type: 'array', items: { type: 'number', minimum: 1 }, uniqueItems: true },
    d: { oneOf: [{ const: 1 }, { type: 'boolean' }], not: { type: 'null' }, if: true, else: false },
  },
  patternProperties: { '^x': { type: 'object' } },
  dependentRequired: { a: ['b'] },
  required: ['a'],
  $defs: { x: { type: 'object', additionalProperties: { $ref: '#/$defs/x' } } },
}
/** A valid definition of each kind with all that it may have. */
export const ITEMS: Readonly<Record<string, JsonObject>> = {
  tools: {
    name: 'odd',
    ...DESCRIBED,
    inputSchema: INPUT,
    outputSchema: OUTPUT,
    annotations: { title: 'x', readOnlyHint: true, destructiveHint: false },
    execution: { taskSupport: 'optional' },
  },
  prompts: {
    name: 'odd',
    ...DESCRIBED,
    arguments: [{ name: 'a', description: 'x', required: true, title: 'A' }],
  },
  resources: {
    name: 'odd',
    uri: 'x://odd',
    ...DESCRIBED,
    mimeType: 'text/plain',
    size: 3,
    annotations: ANNOTATIONS,
  },
  resourceTemplates: {
    name: 'odd',
    uriTemplate: 'x://odd/{a}',
    ...DESCRIBED,
    mimeType: 'text/plain',
    annotations: ANNOTATIONS,
  },
}
/** A valid definition of each kind with no more than it must have. */
export const GOOD: Readonly<Record<string, JsonObject>> = {
  tools: { ...tool('good') },
  prompts: { name: 'good' },
  resources: { name: 'good', uri: 'x://good' },
  resourceTemplates: { name: 'good', uriTemplate: 'x://good/{a}' },
}
const METHODS: Readonly<Record<string, string>> = {
  tools: 'tools/list',
  prompts: 'prompts/list',
  resources: 'resources/list',
  resourceTemplates: 'resources/templates/list',
}
export const LISTS = Object.keys(METHODS)

/** What becomes of the items that a server lists. */
export function offered(items: readonly { list: string; item: unknown }[]): Promise<Offer> {
  const answers = Object.fromEntries(
    LISTS.map((list) => [
      METHODS[list] ?? '',
      () => ({ [list]: items.filter((each) => each.list === list).map(({ item }) => item) }),
    ]),
  )
  const connection = new FakeConnection(answers, { tools: {}, prompts: {}, resources: {} })
  return discover(connection, { timeoutMs: 1000, signal: new AbortController().signal })
}
