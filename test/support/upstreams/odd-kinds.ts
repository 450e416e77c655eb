import type { ServerResponse } from 'node:http'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { Odd } from './odd-http.ts'

const fails =
  (status: number, body = '') =>
  (response: ServerResponse): void =>
    void response.writeHead(status, { 'content-type': 'text/html' }).end(body)
const silent = (): undefined => undefined
const tool = (fields: JsonObject): Odd => ({
  'tools/list': {
    tools: [
      { name: 'hello', inputSchema: { type: 'object' } },
      { name: 'bad', inputSchema: { type: 'object' }, ...fields },
    ],
  },
})
const input = (fields: JsonObject): Odd => tool({ inputSchema: { type: 'object', ...fields } })
const output = (fields: JsonObject): Odd => tool({ outputSchema: { type: 'object', ...fields } })
const prompt = (fields: JsonObject): Odd => ({ 'prompts/list': { prompts: [{ name: 'bad', ...fields }] } })
const resource = (fields: JsonObject): Odd => ({
  'resources/list': { resources: [{ name: 'bad', uri: 'odd://bad', ...fields }] },
})

/** Servers of `startOddServers` by name: what is odd about each, and what its operator reads of it. */
export const ODD_KINDS: Readonly<Record<string, readonly [Odd, string]>> = {
  'title-null': [tool({ title: null }), 'tool bad: title: expected a string, received null'],
  'description-number': [tool({ description: 5 }), 'tool bad: description: expected a string, received 5'],
  'annotations-null': [
    tool({ annotations: null }),
    'tool bad: annotations: expected an object, received null',
  ],
  'annotations-text': [
    tool({ annotations: { readOnlyHint: 'yes' } }),
    'annotations.readOnlyHint: expected a boolean',
  ],
  'meta-list': [tool({ _meta: [1] }), 'tool bad: _meta: expected an object, received an array'],
  'icons-without-src': [tool({ icons: [{ url: 'x' }] }), 'tool bad: icons[0].src: expected a string'],
  'execution-text': [tool({ execution: 'task' }), 'tool bad: execution: expected an object'],
  'name-missing': [tool({ name: null }), 'tool number 2: name: expected a non-empty string'],
  'input-missing': [tool({ inputSchema: null }), 'tool bad: inputSchema: expected an object, received null'],
  'input-text': [input({ type: 'string' }), 'tool bad: inputSchema.type: expected "object"'],
  'properties-list': [input({ properties: [] }), 'tool bad: inputSchema.properties: expected an object'],
  'property-null': [input({ properties: { a: null } }), 'inputSchema.properties.a: expected a schema'],
  'type-int': [
    input({ properties: { a: { type: 'int' } } }),
    'inputSchema.properties.a.type: expected a JSON Schema type',
  ],
  'required-true': [input({ required: true }), 'inputSchema.required: expected an array, received true'],
  'required-inside': [
    input({ properties: { required: ['a'] } }),
    'inputSchema.properties.required: expected an object',
  ],
  'output-reference': [
    output({ $ref: 'https://x.example' }),
    'outputSchema.$ref: expected a reference to a part',
  ],
  'output-pattern': [
    output({ properties: { a: { pattern: '(' } } }),
    'outputSchema.properties.a.pattern: expected an ECMAScript',
  ],
  'output-draft': [
    output({ $schema: 'http://json-schema.org/draft-04/schema#' }),
    'outputSchema.$schema: expected',
  ],
  'output-id': [
    output({ $defs: { a: { $id: 'urn:a' } } }),
    'outputSchema.$defs.a.$id: expected a schema that has no names',
  ],
  'output-true': [tool({ outputSchema: true }), 'outputSchema: expected an object, received true'],
  'too-large': [tool({ description: 'x'.repeat(70_000) }), 'tool bad: its definition is larger than 64 KiB'],
  'listed-twice': [tool({ name: 'hello' }), 'tool hello: it is listed more than once'],
  'cursor-number': [
    { 'tools/list': { tools: [], nextCursor: 5 } },
    'tools/list: nextCursor: expected a string',
  ],
  'pages-repeat': [{ 'tools/list': { tools: [], nextCursor: 'a' } }, 'tools/list: the pages repeat'],
  'tools-text': [{ 'tools/list': { tools: 'none' } }, 'tools/list: the answer has no list of tools'],
  'prompt-arguments': [prompt({ arguments: [{}] }), 'prompt bad: arguments[0].name: expected a string'],
  'prompt-title': [prompt({ title: {} }), 'prompt bad: title: expected a string, received an object'],
  'resource-size': [resource({ size: '12' }), 'resource bad: size: expected a number, received "12"'],
  'resource-priority': [
    resource({ annotations: { priority: 5 } }),
    'annotations.priority: expected a number from 0 to 1',
  ],
  'resource-time': [
    resource({ annotations: { lastModified: 'now' } }),
    'annotations.lastModified: expected an ISO 8601 time',
  ],
  'resource-uri': [resource({ uri: null }), 'resource bad: uri: expected a non-empty string'],
  'resources-401': [{ 'resources/list': fails(401) }, 'resources/list: HTTP 401'],
  'resources-404': [{ 'resources/list': fails(404) }, 'resources/list: HTTP 404'],
  'resources-html': [{ 'resources/list': fails(500, '<h1>no</h1>') }, 'resources/list: HTTP 500'],
  'prompts-403': [{ 'prompts/list': fails(403) }, 'prompts/list: HTTP 403'],
  'templates-null': [
    { 'resources/templates/list': null },
    'resources/templates/list: Server templates-null returned an invalid',
  ],
  ...Object.fromEntries(
    Array.from({ length: 8 }, (_, index) => [
      `silent-${index}`,
      [{ 'resources/list': silent }, 'resources/list: no response within 5 s'] as const,
    ]),
  ),
  'resources-silent': [{ 'resources/list': silent }, 'resources/list: no response within 5 s'],
  'tools-500': [{ 'tools/list': fails(500) }, 'tools/list: HTTP 500'],
  'initialize-404': [{ initialize: fails(404) }, 'HTTP 404'],
  'initialize-401': [{ initialize: fails(401) }, 'refused the gateway'],
  'initialize-html': [{ initialize: fails(200, '<h1>welcome</h1>') }, 'text/html'],
  'initialize-null': [{ initialize: null }, 'a result or an error that is an object'],
  'initialize-bare': [
    { initialize: { protocolVersion: '2025-06-18' } },
    'initialize: capabilities: expected',
  ],
  'initialize-silent': [{ initialize: silent }, 'it did not open within'],
}
