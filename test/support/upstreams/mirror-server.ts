import { Server } from '@modelcontextprotocol/server'

type Fields = Record<string, unknown>

/** Members that a careless copy loses, or takes for something else. */
export const ODD = JSON.parse(
  '{"__proto__":{"x":1},"constructor":1,"toString":null,"":0,"2":2,"1":1}',
) as Fields

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
  execution: { taskSupport: 'forbidden', x9: 9 },
  x7: { y: [7], odd: ODD },
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
  icons: [{ src: 'https://example.com/i.png', x4: 4 }],
  x2: { y: 2, odd: ODD },
  _meta: { 'vendor.example/x3': 3 },
}

export const RESOURCE: Fields = {
  uri: 'mirror://a',
  name: 'a',
  size: 12,
  annotations: { audience: ['user'], priority: 0.5, x1: 1 },
  icons: [{ src: 'https://example.com/i.png', x4: 4 }],
  x2: { y: 2, odd: ODD },
  _meta: { 'vendor.example/x3': 3 },
}

export const TEMPLATE: Fields = {
  uriTemplate: 'mirror://{id}',
  name: 'any',
  annotations: { priority: 0.5, x3: 3 },
  x1: { odd: ODD },
  _meta: { 'vendor.example/x2': 2 },
}

/** One of every kind of content, and one of a kind that no revision knows. */
const CONTENT: Fields[] = [
  { type: 'text', text: 'known', x1: 1, annotations: { audience: ['user'], x2: 2 }, _meta: { x3: 3 } },
  { type: 'image', data: 'AA==', mimeType: 'image/png', x1: { y: [1] }, annotations: { priority: 1, x2: 2 } },
  { type: 'audio', data: 'AA==', mimeType: 'audio/wav', x1: null, _meta: { 'vendor.example/x3': {} } },
  { type: 'resource', resource: { uri: 'mirror://a', blob: 'AA==', x4: 4 }, x1: 1 },
  { type: 'resource', resource: { uri: 'mirror://b', text: 'b', x4: 4, _meta: { x5: 5 } }, _meta: { x6: 6 } },
  { type: 'resource_link', uri: 'mirror://a', name: 'a', x6: 6, icons: [{ src: 'data:,', x7: 7 }] },
  { type: 'hologram', beam: [1, { x5: 5 }] },
]

/** What each method answers, beside the parameters that it got. */
export const RESULTS: Record<string, Fields> = {
  'tools/call': {
    content: CONTENT,
    structuredContent: { r: { x7: [7, null, 0.5, -1e-7, '\u2028', ODD] } },
    isError: false,
    x8: { y: 8 },
  },
  'prompts/get': {
    description: 'hello',
    messages: CONTENT.map((content, x2) => ({ role: 'user', content, x2 })),
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
