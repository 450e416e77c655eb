import { expect, test } from '@jest/globals'
import type { ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import { type LastGood, parseRegistry } from '../../src/registry/documents/parse.ts'

const parse = (
  documents: Record<string, unknown>,
  previous: LastGood = new Map<string, ServerDefinition>(),
): ReturnType<typeof parseRegistry> =>
  parseRegistry({
    documents: Object.entries(documents).map(([id, value]) => ({ id, value })),
    defaultTenant: 'local',
    previous,
    generation: 7,
  })
const reasonOf = (value: unknown): string => parse({ a: value }).snapshot.quarantined[0]?.reason ?? 'valid'

const STDIO = { transport: 'stdio', command: 'node' }
const HTTP = { transport: 'http', url: 'https://mcp.example.com/mcp' }

test.each<[string, unknown, string]>([
  [
    'no role in its list of roles',
    { ...STDIO, requiredRoles: [] },
    'requiredRoles: an empty list is refused: leave the field out if no role is needed',
  ],
  [
    'no role that is needed of all',
    { ...STDIO, requiredRoles: { allOf: [] } },
    'requiredRoles.allOf: an empty list is refused: leave the field out if no role is needed',
  ],
  [
    'no role for a tool',
    { ...STDIO, tools: { x: { requiredRoles: [] } } },
    'tools.x.requiredRoles: an empty list is refused: leave the field out if no role is needed',
  ],
  [
    'no scope for a tool',
    { ...STDIO, tools: { x: { scopes: [] } } },
    'tools.x.scopes: an empty list is refused: leave the field out if no scope is needed',
  ],
  [
    'more entries under tools than any server needs',
    { ...STDIO, tools: Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`t${index}`, {}])) },
    'tools: more than 1000 entries',
  ],
  [
    'patterns under tools that name too many arguments',
    {
      ...STDIO,
      tools: {
        '*': { fixed: Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`a${index}`, 1])) },
      },
    },
    'tools: entries that are patterns name more than 1000 arguments',
  ],
  [
    'a health check every few milliseconds',
    { ...HTTP, healthCheck: { intervalMs: 999 } },
    'healthCheck.intervalMs: expected number to be >=1000',
  ],
  [
    'lists that are asked for all the time',
    { ...HTTP, catalogTtlMs: 999 },
    'catalogTtlMs: expected number to be >=1000',
  ],
  [
    'a pool that is looked at all the time',
    { ...STDIO, pool: { idleMs: 999 } },
    'pool.idleMs: expected number to be >=1000',
  ],
  [
    'a placeholder for a url',
    { transport: 'http', url: '${URL}' },
    'url: Invalid URL, expected http:// or https:// and a host; url: ${URL} is not filled in: write the URL itself',
  ],
  [
    'more bytes than any document needs',
    { ...STDIO, args: Array.from({ length: 40 }, () => 'a'.repeat(30_000)) },
    'larger than 1048576 bytes',
  ],
])('a document with %s is refused', (_case, value, reason) => {
  expect(reasonOf(value)).toBe(reason)
})

test.each<[string, unknown]>([
  [
    '1,000 entries under tools',
    { ...STDIO, tools: Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`t${index}`, {}])) },
  ],
  [
    'a look each second',
    { ...HTTP, healthCheck: { intervalMs: 1000 }, catalogTtlMs: 1000, pool: { idleMs: 1000 } },
  ],
])('a document with %s is valid', (_case, value) => {
  expect(reasonOf(value)).toBe('valid')
})

test('a document without a role in its list of roles hides the server, whatever it was before', () => {
  const { lastGood } = parse({ a: { ...STDIO, requiredRoles: ['admin'] } })
  const { snapshot } = parse({ a: { ...STDIO, requiredRoles: [] } }, lastGood)
  expect(snapshot.servers.size).toBe(0)
  expect(snapshot.quarantined).toMatchObject([{ id: 'a', lastGoodServes: false }])
})
