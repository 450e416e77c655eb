import * as fc from 'fast-check'
import { anyText } from '../shared/any-text.ts'
import { MODERN } from '../raw-mcp.ts'
import { SCRIPTS } from './scripted-http.ts'
import { RAW_RESULTS } from './scripted-results.ts'

type Fields = Record<string, unknown>

/** Slow in real time, or ended by the client. */
export const RARE = ['hold', 'slow']
/** What the two paths answer differently, each for a reason. */
const DIFFERENT = ['brokenfirst', 'otherid']
/** The names of everything else that a scripted server offers. */
export const ALL = [...Object.keys(SCRIPTS), 'redirected'].filter((name) => !DIFFERENT.includes(name))
const COMMON = ['plain', 'stream', 'notified', 'rpc', 'pieces']
const NAMES = ALL.filter((name) => !RARE.includes(name))

/** A value that calls usually have, and now and then another one. */
export const often = <T>(usual: T, ...others: fc.Arbitrary<T>[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 8 * others.length, arbitrary: fc.constant(usual) },
    ...others.map((arbitrary) => ({ weight: 1, arbitrary })),
  )

const texts = fc.oneof(
  anyText({ maxLength: 12 }),
  fc.constantFrom(
    '',
    '__proto__',
    'toString',
    '\u0000\n\t',
    'é漢😀',
    '\uFEFF',
    '\u2028',
    '=?base64?aGk=?=',
    ' a ',
  ),
)
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<unknown>,
  fc.constantFrom<unknown>(1e308, -0, 9_007_199_254_740_992, { a: { toString: 1, constructor: null } }),
)
const nested = fc.nat({ max: 140 }).map((levels) => {
  let value: unknown = 1
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { a: value }
  return value
})
const block = fc.record(
  {
    type: fc.constantFrom('text', 'hologram', 'resource_link'),
    text: texts,
    uri: fc.constant('raw://plain'),
    x: json,
  },
  { requiredKeys: ['type'] },
)
const result = fc.record(
  {
    content: fc.oneof(fc.array(block, { maxLength: 3 }), json),
    isError: fc.oneof(fc.boolean(), json),
    structuredContent: json,
    _meta: fc.oneof(fc.dictionary(texts, json, { maxKeys: 2 }), json),
    resultType: fc.constantFrom<unknown>('complete', 'complete', 'input_required', 'task', 1),
    ttlMs: json,
    cacheScope: fc.constantFrom('public', 'private'),
    extra: json,
  },
  { requiredKeys: [] },
)
const pad = often(0, fc.constantFrom(100, 33_000, 33_000, 70_000, 200_000))
/** Arguments: what the scripted servers answer with, and what they do not know. */
export const args = fc.record(
  {
    result,
    raw: fc.nat({ max: RAW_RESULTS.length - 1 }),
    pad,
    code: fc
      .constantFrom<unknown>(-32_600, -32_601, -32_602, -32_603, -32_700, -32_000, -32_002, -32_020, -32_021)
      .chain((code) => fc.constantFrom<unknown>(code, -32_022, -32_042, 0, 1, 'text')),
    data: fc.oneof(json, nested),
    region: fc.oneof(texts, fc.constant('eu')),
    deep: nested,
    large: fc.constant('x'.repeat(70_000)),
    more: json,
    __proto: texts,
  },
  { requiredKeys: [] },
)
const capabilities = often<unknown>(
  {},
  fc.constantFrom<unknown>(
    { elicitation: {} },
    { sampling: {}, roots: { listChanged: true } },
    { extensions: { 'io.modelcontextprotocol/tasks': {} } },
    {
      extensions: { 'io.modelcontextprotocol/ui': { mimeTypes: ['text/html'] } },
      experimental: { x: { y: 1 } },
    },
    { elicitation: true },
    null,
    [],
  ),
)
/** What names of metadata of MCP begin with. */
export const P = 'io.modelcontextprotocol/'
/** The metadata of a request of 2026-07-28. */
export const meta = fc
  .record(
    {
      info: often<unknown>(
        { name: 'raw', version: '1' },
        fc.constantFrom<unknown>({ name: 'é', version: '' }, { name: 'raw' }, 'raw', {
          name: 'x',
          version: '1',
          icons: [],
        }),
      ),
      capabilities,
      version: often<unknown>(MODERN, fc.constantFrom<unknown>('2025-11-25', 5, '2027-01-01')),
    },
    { noNullPrototype: true },
  )
  .chain((known) =>
    often<Fields>(
      {},
      fc.constantFrom<Fields>(
        { [`${P}logLevel`]: 'info' },
        { [`${P}logLevel`]: 'loud' },
        { progressToken: 'p' },
        { progressToken: 7 },
        { progressToken: null },
        { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
        { traceparent: 'wrong', tracestate: 'a=b' },
        { 'vendor/x': { y: [1, null] }, __proto: 1 },
        { large: 'x'.repeat(9000) },
        { [`${P}related-task`]: { taskId: 't' } },
        { [`${P}related-task`]: 't' },
        { progressToken: {} },
      ),
    ).map((more): Fields => ({
      [`${P}protocolVersion`]: known.version,
      [`${P}clientInfo`]: known.info,
      [`${P}clientCapabilities`]: known.capabilities,
      ...more,
    })),
  )
/** Ids of requests, valid and not. */
export const id = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 50 }) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<unknown>(
      '1',
      '',
      'é😀\u0000',
      '00',
      0,
      -1,
      -5_000_000_000,
      2 ** 53 - 1,
      'x'.repeat(256),
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom<unknown>(2 ** 53, 1.5, null, true, 'x'.repeat(257), { a: 1 }, undefined),
  },
)
/** Parameters beside those of the method. */
export const moreParams = often<Fields>(
  {},
  fc.constantFrom<Fields>(
    { x: { y: 1 } },
    { task: { ttl: 1000 } },
    { inputResponses: {} },
    { requestState: 's' },
    { arguments: null },
    { arguments: [] },
    { arguments: 'text' },
    { _meta: null },
    { _meta: [] },
    { _meta: 'x' },
    { uri: 'raw://plain' },
    { cursor: null },
  ),
)
/** Members of a message beside those of JSON-RPC. */
export const moreMembers = often<Fields>(
  {},
  fc.constantFrom<Fields>(
    { x: 1 },
    { jsonrpc: '1.0' },
    { result: {} },
    { method: 'tools/list' },
    { params: [] },
  ),
)
/** Headers that differ from those of most clients; undefined takes one away. */
export const moreHeaders = often<Readonly<Record<string, string | undefined>>>(
  {},
  fc.constantFrom<Readonly<Record<string, string | undefined>>>(
    { 'mcp-name': 'other' },
    { 'mcp-name': undefined },
    { 'mcp-method': 'tools/list' },
    { 'mcp-method': undefined },
    { 'mcp-protocol-version': '2025-11-25' },
    { 'mcp-protocol-version': undefined },
    { 'mcp-session-id': 'unknown' },
    { 'mcp-param-region': 'eu' },
    { 'mcp-param-other': 'é'.normalize('NFC') },
    { accept: '*/*' },
    { accept: 'application/json' },
    { accept: 'text/event-stream' },
    { accept: 'text/event-stream, application/json' },
    { accept: 'text/html' },
    { accept: undefined },
    { 'content-type': 'application/json; charset=utf-8' },
    { 'content-type': 'application/json;charset=UTF8' },
    { 'content-type': 'application/json; charset=latin1' },
    { 'content-type': 'text/plain' },
    { 'content-type': undefined },
    { 'content-encoding': 'gzip' },
    { 'x-agent-name': 'planner' },
    { 'x-client-name': 'é'.repeat(200) },
    { 'x-client-name': 'raw' },
    { 'x-request-id': 'not a good one' },
    { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01', tracestate: 'a=b' },
    { traceparent: 'wrong' },
    { origin: 'https://evil.example' },
    { host: 'evil.example' },
    { via: '1.1 proxy' },
    { prefer: 'respond-async' },
    { 'last-event-id': '1' },
  ),
)
/** What becomes of a body on its way. */
export const spoil = often<(body: Buffer) => Buffer>(
  (body) => body,
  fc.constantFrom<(body: Buffer) => Buffer>(
    (body) => body.subarray(0, -1),
    (body) => Buffer.concat([body, Buffer.from('x')]),
    (body) => Buffer.concat([Buffer.from('\uFEFF'), body]),
    (body) => Buffer.concat([Buffer.from(' \n'), body, Buffer.from('\r\n')]),
    (body) => Buffer.from(`[${body.toString()}]`),
    (body) => Buffer.concat([body.subarray(0, -2), Buffer.of(0xff), body.subarray(-2)]),
    () => Buffer.from('5'),
    () => Buffer.from('null'),
    () => Buffer.alloc(0),
    () => Buffer.from(`{"a":${'['.repeat(200)}${']'.repeat(200)}}`),
    () => Buffer.from('x'.repeat(210_000)),
    (body) => Buffer.from(body.toString().replace('{', '{"jsonrpc":"2.0","jsonrpc":"2.0",')),
  ),
)
const target = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...NAMES) },
  { weight: 1, arbitrary: fc.constantFrom(...COMMON) },
)
/** Where a call goes. */
export const place = fc.record({
  server: fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom('old', 'new') },
    { weight: 1, arbitrary: fc.constantFrom('pipe', 'unknown') },
  ),
  isScoped: often(false, fc.constant(true), fc.constant(true)),
  name: target,
})
/** The kind of client. */
export const face = fc.constantFrom('modern', 'modern', 'legacy', 'rest', 'rest')
/** The method of MCP. */
export const method = fc.constantFrom(
  'tools/call',
  'tools/call',
  'tools/call',
  'prompts/get',
  'resources/read',
)
