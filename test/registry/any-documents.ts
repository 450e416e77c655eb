import * as fc from 'fast-check'
import { isJsonObject, type JsonObject } from '../../src/domain/json/json.ts'

/** A valid document for each place in which documents are written. */
export const VALID = {
  http: {
    transport: 'streamable-http',
    instances: [{ url: 'https://a.example.com/mcp', weight: 2 }],
    headers: { 'x-key': 'secret://local_key' },
    auth: { kind: 'bearer', token: 'abc' },
    requiredRoles: ['reader'],
    tools: { include: ['read_*'], read_file: { name: 'read', fixed: { a: 1 }, arguments: { b: 'c' } } },
    healthCheck: { path: '/health' },
    rateLimit: { calls: 5 },
  },
  url: { transport: 'http', url: 'https://b.example.com/mcp' },
  stdio: {
    transport: 'stdio',
    command: 'node',
    args: ['a.js'],
    env: { KEY: 'x' },
    pool: { max: 2 },
    requiredRoles: { allOf: ['reader'] },
    agentAllowlist: [],
    lifecycle: { maxRestarts: 1 },
  },
  package: { transport: 'stdio', package: '@example/server@1.2.3' },
  use: { transport: 'template', templateName: 'site', config: { host: 'c.example.com' }, instances: 2 },
  template: {
    configSchema: { type: 'object', properties: { host: { type: 'string' } }, required: ['host'] },
    server: {
      transport: 'http',
      url: 'https://${config.host}/${instance}',
      headers: { a: '${config.host}' },
    },
  },
  pipeline: {
    inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
    steps: [
      { id: 'one', tool: 'good_echo', arguments: { text: '${input.text}' }, when: 'input.text' },
      { id: 'two', tool: 'good_echo', forEach: 'steps.one', onError: 'default', default: 'x' },
    ],
    output: '${steps.two}',
    requiredRoles: ['reader'],
  },
  rule: { clients: ['cursor*'], model: 'small', systemPrompt: 'Be brief.', options: { temperature: 0 } },
  tenant: {
    displayName: 'Bad',
    issuers: [{ issuer: 'https://id.bad.example', audience: 'x', claims: { roles: 'groups' } }],
    quotas: { servers: 5 },
  },
  desktop: { command: 'npx', args: ['-y', 'x', 5], env: { A: 1 }, disabled: false, tools: ['a'] },
  desktopUrl: { type: 'sse', url: 'https://d.example.com/sse', headers: { b: 'c' } },
} satisfies Record<string, JsonObject>

const ODD_TEXTS = [
  '',
  ' ',
  'example.com/mcp',
  'http://',
  'http://[::1',
  'http://exa mple/mcp',
  'https://host:99999/mcp',
  'https://me:pass@host/',
  '//host',
  '${URL}',
  '${config.host}',
  '${config.}',
  '${instance}',
  '$${',
  '1.2.3.4.5',
  'secret://',
  'secret://local_key#1#2',
  '__proto__',
  'constructor',
  '*',
  '**a*b*',
  '\0',
  '\ud800',
  '\u202e',
  'a'.repeat(5000),
]

const oddText = fc.constantFrom(...ODD_TEXTS)
const oddNumber = fc.constantFrom(-1, 0, 0.5, 1e307, -0, Number.MAX_SAFE_INTEGER, 1e308)

/** Any JSON value, and more often than by chance those that checks of texts and numbers stumble over. */
export const anyJson: fc.Arbitrary<unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  oddText,
  oddNumber,
  fc.array(oddText, { maxLength: 3 }),
  fc.dictionary(fc.oneof(oddText, fc.constantFrom('url', 'name', 'tenantId', '$ref', 'type')), oddText, {
    maxKeys: 3,
  }),
  fc.constantFrom(nested(25), nested(150)),
)

/** A valid document with anything in place of one of its parts, or anything at all. */
export function anyDocument(valid: JsonObject): fc.Arbitrary<unknown> {
  const changed = fc
    .tuple(fc.constantFrom(...pathsOf(valid)), anyJson)
    .map(([path, value]) => withPart(valid, path, value))
  const extended = fc.tuple(oddText, anyJson).map(([name, value]) => withPart(valid, [name], value))
  return fc.oneof(changed, extended, anyJson)
}

type Path = readonly (string | number)[]

function pathsOf(value: unknown, path: Path = []): Path[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item, index) => pathsOf(item, [...path, index]))]
  if (!isJsonObject(value)) return [path]
  return [path, ...Object.entries(value).flatMap(([key, member]) => pathsOf(member, [...path, key]))]
}

function withPart(whole: unknown, [head, ...rest]: Path, part: unknown): unknown {
  if (head === undefined) return part
  if (Array.isArray(whole))
    return whole.map((item, index) => (index === head ? withPart(item, rest, part) : (item as unknown)))
  const members = Object.entries(isJsonObject(whole) ? whole : {}).filter(([key]) => key !== head)
  const inner = isJsonObject(whole) ? whole[head] : undefined
  return Object.fromEntries([...members, [String(head), withPart(inner, rest, part)]])
}

function nested(depth: number): unknown {
  let value: unknown = 1
  for (let level = 0; level < depth; level += 1) value = { a: [value] }
  return value
}
