import { expect, test } from '@jest/globals'
import { problemLine, problemsOf } from '../../../src/domain/documents/problems.ts'
import { serverDocumentSchema } from '../../../src/domain/documents/server-definition.ts'

const linesOf = (tools: Record<string, unknown>): string[] =>
  problemsOf(
    serverDocumentSchema.safeParse({
      name: 'a',
      tenantId: 'acme',
      transport: 'stdio',
      command: 'node',
      tools,
    }).error ?? { issues: [] },
  ).map(problemLine)

test.each<[string, Record<string, unknown>, string[]]>([
  [
    'a name for all that match a pattern',
    { 'get-*': { name: 'get' } },
    ['tools.get-*.name: only a tool that is named exactly can have another name'],
  ],
  [
    'a name that no client takes',
    { get: { name: 'get it' } },
    ['tools.get.name: expected a name of at most 128 letters, digits, "_", "." and "-"'],
  ],
  [
    'a default for what is fixed',
    { get: { fixed: { a: 1 }, defaults: { a: 2 } } },
    ['tools.get.defaults.a: it is fixed too'],
  ],
  [
    'a name for what is fixed',
    { get: { fixed: { a: 1 }, arguments: { x: 'a' } } },
    ['tools.get.arguments.x: it is fixed, so that callers have no name for it'],
  ],
  [
    'two names for one argument',
    { get: { arguments: { x: 'a', y: 'a' } } },
    ['tools.get.arguments.y: it is the second name of one argument'],
  ],
  [
    'a secret among the arguments, however deep',
    { get: { fixed: { a: { b: ['secret://acme_key'] } }, defaults: { c: 'Secret://acme_key' } } },
    [
      'tools.get.defaults.c: secrets can be named in env, headers and auth only',
      'tools.get.fixed.a: secrets can be named in env, headers and auth only',
    ],
  ],
])('%s is refused, and its place named', (_what, tools, lines) => {
  expect(linesOf(tools)).toEqual(lines)
})

test('everything else may be said of a tool, and all but a name of a pattern', () => {
  const shaping = {
    defaults: { a: null, constructor: 1 },
    fixed: { b: { deep: [1] }, toString: false },
    arguments: { x: 'c', c: 'd', valueOf: 'e' },
    maxResultBytes: 1000,
  }
  expect(linesOf({ get: { name: 'fetch', ...shaping }, 'get-*': shaping })).toEqual([])
})
