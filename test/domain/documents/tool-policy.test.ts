import { describe, expect, test } from '@jest/globals'
import { lastOf, type ToolPolicy, toolPolicy } from '../../../src/domain/documents/tool-policy.ts'
import { server } from '../../support/offers.ts'

/** What a server with these entries under `tools` has set for the tool `read_file`. */
function policyOf(tools: object, fields: Record<string, unknown> = {}): ToolPolicy {
  return toolPolicy(server({ ...fields, tools }), 'read_file')
}

test('overrides come in the order of the document, the one with the exact name last', () => {
  const { overrides, exact } = policyOf({
    read_file: { timeoutMs: 1 },
    include: ['*'],
    '*': { timeoutMs: 2 },
    'write_*': { timeoutMs: 3 },
    'read_*': { timeoutMs: 4 },
  })
  expect(overrides.map(({ timeoutMs }) => timeoutMs)).toEqual([2, 4, 1])
  expect(exact).toEqual({ timeoutMs: 1 })
})

describe.each([
  ['timeoutMs', [1, 2, 3]],
  ['maxTotalMs', [1, 2, 3]],
  ['cacheTtlMs', [1, 2, 3]],
  ['idempotent', [true, false, false]],
  ['idempotent', [false, true, true]],
  ['enhance', [['own'], ['first'], ['last']]],
] as const)('%s of a tool (%j)', (field, [own, first, last]) => {
  test('is that of its exact name before that of any pattern, wherever it is', () => {
    const patterns = { 'read_*': { [field]: first }, '*_file': { [field]: last } }
    expect(policyOf({ read_file: { [field]: own }, ...patterns })[field]).toEqual(own)
    expect(policyOf({ ...patterns, read_file: { [field]: own } })[field]).toEqual(own)
  })

  test('is that of the last pattern that sets it, where its own entry does not', () => {
    const patterns = { '*_file': { [field]: first }, 'read_*': { [field]: last }, '*': { title: 'x' } }
    expect(policyOf({ ...patterns, read_file: { title: 'y' } })[field]).toEqual(last)
    expect(policyOf({ ...patterns, 'write_*': { [field]: first } })[field]).toEqual(last)
  })
})

describe('what no entry sets', () => {
  test.each([
    ['timeoutMs', 5000],
    ['maxTotalMs', 90_000],
  ] as const)('is the own %s of the server', (field, value) => {
    expect(policyOf({ write_file: { [field]: 7 } }, { [field]: value })[field]).toBe(value)
    expect(toolPolicy(server({ [field]: value }), 'read_file')[field]).toBe(value)
    expect(policyOf({ '*': { [field]: 7 } }, { [field]: value })[field]).toBe(7)
  })

  test.each([
    ['timeoutMs', undefined],
    ['maxTotalMs', undefined],
    ['cacheTtlMs', undefined],
    ['idempotent', undefined],
    ['enhance', []],
    ['exact', undefined],
    ['overrides', []],
    ['isSelected', true],
  ] as const)('has for %s no value of a server either: %j', (field, value) => {
    expect(policyOf({ write_file: { title: 'x' } })[field]).toEqual(value)
    expect(toolPolicy(server(), 'read_file')[field]).toEqual(value)
  })
})

test.each([
  [{ include: ['read_*'] }, true],
  [{ include: ['read_file'] }, true],
  [{ include: ['write_*', 'x'] }, false],
  [{ include: [] }, false],
  [{ exclude: ['read_file'] }, false],
  [{ exclude: ['*_file'] }, false],
  [{ exclude: [] }, true],
  [{ include: ['*'], exclude: ['read_*'] }, false],
  [{ include: ['read_file'], exclude: ['*'] }, false],
])('include and exclude leave a tool in, the last word with exclude: %j %j', (tools, isSelected) => {
  expect(policyOf(tools).isSelected).toBe(isSelected)
})

test('what is no tool has what the server sets, and nothing that is set for tools', () => {
  const tools = {
    '*': { timeoutMs: 1, maxTotalMs: 2, cacheTtlMs: 3, idempotent: true, enhance: ['a'] },
    include: [],
  }
  const definition = server({ timeoutMs: 5000, maxTotalMs: 90_000, tools })
  expect(toolPolicy(definition, undefined)).toEqual({
    preview: undefined,
    untrusted: false,
    redact: undefined,
    isSelected: true,
    overrides: [],
    exact: undefined,
    timeoutMs: 5000,
    maxTotalMs: 90_000,
    cacheTtlMs: undefined,
    idempotent: undefined,
    enhance: [],
  })
})

test('tools named like members of the prototype have nothing that the document does not say', () => {
  for (const name of ['constructor', '__proto__', 'toString'])
    expect(toolPolicy(server({ tools: { read_file: { timeoutMs: 1 } } }), name)).toMatchObject({
      overrides: [],
      exact: undefined,
    })
})

test('what the entries under tools say of a tool is found once for each document', () => {
  const patterns = Object.fromEntries(
    Array.from({ length: 1000 }, (_, index) => [`*a${index}*b*`, { title: 'x' }]),
  )
  const definition = server({ tools: patterns })
  const policy = toolPolicy(definition, 'a5b')
  expect(policy.overrides).toEqual([{ title: 'x' }])
  expect(toolPolicy(definition, 'a5b')).toBe(policy)
  expect(toolPolicy(server({ tools: patterns }), 'a5b')).not.toBe(policy)
})

test('of several entries the last that sets a field counts, a value of false or nothing too', () => {
  expect(lastOf([{ idempotent: true }, { idempotent: false }, { title: 'x' }], 'idempotent')).toBe(false)
  expect(lastOf([{ enhance: ['a'] }, { enhance: [] }], 'enhance')).toEqual([])
  expect(lastOf([{ title: 'x' }], 'idempotent')).toBeUndefined()
})
