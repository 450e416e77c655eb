import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { expect, test } from '@jest/globals'
import { checkAuthorizationUrl } from '../../src/cli/sign-in/open-browser.ts'
import {
  addressProblem,
  INTERNET_ONLY,
  targetOf,
  targetProblem,
} from '../../src/domain/outbound/outbound-policy.ts'
import { compileUriTemplate } from '../../src/domain/text/uri-template.ts'
import { exposedName } from '../../src/domain/tool-name.ts'
import { parseRegistry } from '../../src/registry/documents/parse.ts'

/*
 * One test for each published weakness of another gateway, proxy, SDK or server that a part of this gateway could have
 * had: what it guarantees instead.
 */

const versionOf = (name: string): string =>
  (JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')) as { version: string }).version

function quarantined(document: Record<string, unknown>): readonly string[] {
  const { snapshot } = parseRegistry({
    documents: [{ id: 'a', value: document }],
    defaultTenant: 'local',
    previous: new Map(),
    generation: 1,
  })
  return snapshot.quarantined.map(({ reason }) => reason)
}

test.each([
  'file:///etc/passwd',
  'javascript:alert(1)',
  'calc:',
  'http://evil.example/$(calc.exe)',
  'ms-settings:x',
])('CVE-2025-6514, mcp-remote: an authorization server cannot have a browser sent to %s', (url) => {
  expect(() => checkAuthorizationUrl(new URL(url))).toThrow('which is not https')
})

test.each([
  ['x://{/id*}', `x://${'/a,'.repeat(20_000)}!`],
  ['x://a{?tags*}', `x://a?${'tags=a,'.repeat(20_000)}#`],
  ['{a}{b}{c}{d}{e}{f}', `${'x'.repeat(60_000)}/`],
])(
  'CVE-2026-0621, the TypeScript SDK: looking whether a long URI is of the template %s ends',
  (template, uri) => {
    expect(typeof compileUriTemplate(template)(uri)).toBe('boolean')
  },
)

test('CVE-2026-30856, WeKnora: no server can have a name whose tools are called like those of another', () => {
  expect(exposedName('a', 'b_c')).toBe('a_b_c')
  expect(quarantined({ name: 'a_b', transport: 'stdio', command: 'x' })).toEqual([
    expect.stringMatching(/^name: /),
  ])
})

test.each([
  ['CVE-2026-26118, Azure MCP Server', 'http://169.254.169.254/latest/meta-data'],
  ['CVE-2026-26118, Azure MCP Server', 'https://2852039166/'],
  ['CVE-2026-26118, Azure MCP Server', 'https://metadata.google.internal/'],
  ['CVE-2026-31943, LibreChat', 'https://[::ffff:169.254.169.254]/'],
  ['CVE-2026-31943, LibreChat', 'https://[::ffff:7f00:1]/'],
  ['CVE-2026-44430, MCP Registry', 'https://[64:ff9b::a9fe:a9fe]/'],
  ['CVE-2026-44430, MCP Registry', 'https://[64:ff9b:1::a00:1]/'],
  ['CVE-2026-44430, MCP Registry', 'https://[2002:a00:1::]/'],
  ['CVE-2026-44430, MCP Registry', 'https://[fec0::1]/'],
])('%s: %s is not reached, neither by its name nor when a name leads there', (_whose, url) => {
  const target = targetOf(new URL(url))
  const address = new URL(url).hostname.replaceAll(/[[\]]/g, '')
  const direct = targetProblem(target, INTERNET_ONLY) ?? addressProblem(address, target, INTERNET_ONLY)
  expect(direct).toEqual(expect.any(String))
  const rebinding = targetOf(new URL('https://rebinding.example/'))
  expect(targetProblem(rebinding, INTERNET_ONLY)).toBeUndefined()
  const resolved = isIP(address) === 0 ? '169.254.169.254' : address
  expect(addressProblem(resolved, rebinding, INTERNET_ONLY)).toEqual(expect.any(String))
})

test('CVE-2025-53109 and CVE-2025-53110, the filesystem server: the one that is installed is a later one', () => {
  expect(versionOf('@modelcontextprotocol/server-filesystem') > '2025.7.1').toBe(true)
})

test('GHSA-345p-7cg4-v4c7 and GHSA-6prh-2h8m-c8cw, the TypeScript SDK: those that are installed are later ones', () => {
  const numbers = (name: string): number[] => versionOf(name).split('.').map(Number)
  for (const name of ['@modelcontextprotocol/client', '@modelcontextprotocol/server']) {
    const [major = 0, minor = 0] = numbers(name)
    expect(major * 100 + minor).toBeGreaterThanOrEqual(204)
  }
})
