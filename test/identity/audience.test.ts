import { describe, expect, test } from '@jest/globals'
import { isFor, pathsFor } from '../../src/identity/audience.ts'

const ours = { audience: 'api://gateway', publicUrl: 'https://Example.com/gw' }

describe('a token is for', () => {
  test.each([
    ['api://gateway', ['']],
    ['https://example.com/gw', ['']],
    ['https://example.com:443/gw/', ['']],
    ['https://example.com/gw/mcp', ['/mcp']],
    ['https://EXAMPLE.com/gw/mcp/a/', ['/mcp/a']],
    [
      ['https://other.example', 'https://example.com/gw/sse', 'https://example.com/gw/mcp'],
      ['/sse', '/mcp'],
    ],
    [['https://example.com/gw/mcp', 'api://gateway'], ['']],
  ])('%j: the paths %j', (audience, paths) => {
    expect(pathsFor(audience, ours)).toEqual(paths)
  })

  test.each([
    'https://example.com',
    'https://example.com/',
    'https://example.com/gwx/mcp',
    'https://example.com/GW',
    'http://example.com/gw',
    'https://example.com:8443/gw',
    'https://example.com.evil.example/gw',
    'https://user@example.com/gw',
    'https://example.com/gw?x',
    'https://example.com/gw#x',
    'https://example.com/gw/../other',
    'gateway',
    '',
    undefined,
    null,
    7,
    [],
    [['https://example.com/gw']],
    { 0: 'https://example.com/gw' },
  ])('none of ours with the audience %j', (audience) => {
    expect(pathsFor(audience, ours)).toEqual([])
  })
})

test.each([
  [[''], '/v1/tools', true],
  [['/mcp'], '/mcp', true],
  [['/mcp'], '/mcp/', true],
  [['/mcp'], '/mcp/a', true],
  [['/mcp/a'], '/mcp/a/tools/call', true],
  [['/mcp/a', '/mcp/b'], '/mcp/b', true],
  [['/mcp/a'], '/mcp/b', false],
  [['/mcp/a'], '/mcp', false],
  [['/mcp/a'], '/mcp/ab', false],
  [['/mcp'], '/mcpx', false],
  [['/mcp'], '/v1/tools', false],
  [[], '/mcp', false],
])('a token for %j at %s: %j', (paths, path, expected) => {
  expect(isFor(paths, path)).toBe(expected)
})
