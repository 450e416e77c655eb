import { expect, test } from '@jest/globals'
import { paramHeaders } from '../../src/calls/param-headers.ts'

const tool = {
  name: 'query',
  inputSchema: {
    type: 'object',
    properties: {
      region: { type: 'string', 'x-mcp-header': 'Region' },
      count: { type: 'integer', 'x-mcp-header': 'Count' },
      dry: { type: 'boolean', 'x-mcp-header': 'Dry' },
      nested: { type: 'object', properties: { id: { type: 'string', 'x-mcp-header': 'Nested-Id' } } },
      plain: { type: 'string' },
    },
  },
}

test('marked arguments become headers, at any depth, others do not', () => {
  const args = { region: 'eu', count: 3, dry: false, nested: { id: 'n' }, plain: 'p' }
  expect(paramHeaders(tool, args)).toEqual({
    'Mcp-Param-Region': 'eu',
    'Mcp-Param-Count': '3',
    'Mcp-Param-Dry': 'false',
    'Mcp-Param-Nested-Id': 'n',
  })
})

test.each([
  ['letters outside of ASCII', 'Zürich', '=?base64?WsO8cmljaA==?='],
  ['a line break', 'a\r\nX: 1', '=?base64?YQ0KWDogMQ==?='],
  ['blanks at the end', 'a ', '=?base64?YSA=?='],
  ['nothing', '', '=?base64??='],
  ['the form of an encoded value', '=?base64?YQ==?=', '=?base64?PT9iYXNlNjQ/WVE9PT89?='],
])('a value with %s is sent as base64', (_what, region, header) => {
  expect(paramHeaders(tool, { region })).toEqual({ 'Mcp-Param-Region': header })
})

test.each([
  ['arguments that are absent', {}],
  ['values that are no primitives', { region: ['eu'], count: null }],
  ['numbers that JSON cannot carry exactly', { count: 2 ** 60 }],
  ['members inherited from Object', { nested: 'x' }],
])('%s give no header', (_what, args) => {
  expect(paramHeaders(tool, args)).toBeUndefined()
})

test('a header name that HTTP does not allow is ignored', () => {
  const bad = {
    name: 'bad',
    inputSchema: { properties: { a: { type: 'string', 'x-mcp-header': 'A B\r\nX' } } },
  }
  expect(paramHeaders(bad, { a: 'x' })).toBeUndefined()
})

test('a tool without marks has no headers', () => {
  expect(paramHeaders({ name: 'x', inputSchema: { type: 'object' } }, { a: 1 })).toBeUndefined()
  expect(paramHeaders({ name: 'x' }, { a: 1 })).toBeUndefined()
})
