import { Server } from '@modelcontextprotocol/server'

type Fields = Record<string, unknown>

/** A tool definition with fields that no revision knows, at every level. */
export const TOOL: Fields = {
  name: 'mirror',
  title: 'Mirror',
  description: 'gives back what it got',
  inputSchema: {
    type: 'object',
    properties: { a: { type: 'string', x1: 1, format: 'future' } },
    $defs: { b: { 'x-vendor': { deep: [null, { x2: 2 }] } } },
    x3: 3,
  },
  outputSchema: { type: 'object', properties: { r: {} }, x4: 4 },
  annotations: { readOnlyHint: true, x5: { y: 5 } },
  icons: [{ src: 'https://example.com/i.png', sizes: ['any'], x6: 6 }],
  x7: { y: [7] },
  _meta: { 'vendor.example/x8': { z: 8 } },
}

/** A tool whose structured content is no object, as 2026-07-28 allows. */
export const COUNT: Fields = {
  name: 'count',
  inputSchema: { type: 'object' },
  outputSchema: { type: 'array' },
}

export const PROMPT: Fields = {
  name: 'greet',
  title: 'Greet',
  arguments: [{ name: 'who', required: true, x1: 1 }],
  x2: { y: 2 },
  _meta: { 'vendor.example/x3': 3 },
}

export const RESOURCE: Fields = {
  uri: 'mirror://a',
  name: 'a',
  size: 12,
  annotations: { audience: ['user'], priority: 0.5, x1: 1 },
  x2: { y: 2 },
  _meta: { 'vendor.example/x3': 3 },
}

export const TEMPLATE: Fields = {
  uriTemplate: 'mirror://{id}',
  name: 'any',
  x1: 1,
  _meta: { 'vendor.example/x2': 2 },
}

/** What each method answers, beside the parameters that it got. */
export const RESULTS: Record<string, Fields> = {
  'tools/call': {
    content: [
      { type: 'text', text: 'known', x1: 1, annotations: { audience: ['user'], x2: 2 }, _meta: { x3: 3 } },
      { type: 'resource', resource: { uri: 'mirror://a', blob: 'AA==', x4: 4 } },
      { type: 'hologram', beam: [1, { x5: 5 }] },
      { type: 'resource_link', uri: 'mirror://a', name: 'a', x6: 6 },
    ],
    structuredContent: { r: { x7: [7, null] } },
    isError: false,
    x8: { y: 8 },
  },
  'prompts/get': {
    description: 'hello',
    messages: [{ role: 'user', content: { type: 'text', text: 'Hi', x1: 1 }, x2: 2 }],
    x3: { y: 3 },
  },
  'resources/read': {
    contents: [
      {
        uri: 'mirror://a',
        mimeType: 'text/plain',
        text: 'content',
        x1: 1,
        _meta: { 'vendor.example/x2': 2 },
      },
      { uri: 'mirror://a/b', blob: 'AA==', x3: { y: 3 } },
    ],
    x4: { y: 4 },
  },
  'completion/complete': { completion: { values: ['a'], total: 1, hasMore: false, x1: 1 }, x2: 2 },
}

const LISTS: Record<string, Fields> = {
  'tools/list': { tools: [TOOL, COUNT] },
  'prompts/list': { prompts: [PROMPT] },
  'resources/list': { resources: [RESOURCE] },
  'resources/templates/list': { resourceTemplates: [TEMPLATE] },
}

/** A server that offers one of everything, and puts the parameters of each request into the `_meta` of its result. */
export function mirrorServer(): Server {
  const server = new Server(
    { name: 'mirror', version: '1' },
    { capabilities: { tools: {}, resources: {}, prompts: {}, completions: {} } },
  )
  server.fallbackRequestHandler = ({ method, params }) => {
    const list = LISTS[method]
    if (list !== undefined) return Promise.resolve(list)
    if (params?.['name'] === COUNT['name']) return Promise.resolve({ content: [], structuredContent: [1, 2] })
    return Promise.resolve({ ...RESULTS[method], _meta: { 'mirror/received': params, x9: { y: 9 } } })
  }
  return server
}
