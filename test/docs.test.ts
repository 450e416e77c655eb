import { existsSync, globSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { z } from 'zod'
import { reportedMetrics } from '../scripts/metrics-page.ts'
import { pages as generatedPages } from '../scripts/write-docs.ts'
import { pageQuery } from '../src/rest/query.ts'
import { SECTIONS, settingsSchema } from '../src/config/schema.ts'
import { notesOf } from '../src/config/setting.ts'

const GENERATED = ['docs/cli.md', 'docs/config.md', 'docs/errors.md', 'docs/metrics.md']

test('the generated pages are those that the script writes', async () => {
  expect([...(await generatedPages()).keys()]).toEqual(GENERATED)
})

test.each(GENERATED)('%s is up to date (else: npm run docs)', async (path) => {
  expect(await readFile(new URL(`../${path}`, import.meta.url), 'utf8')).toBe(
    (await generatedPages()).get(path),
  )
})

test('the page of commands has those that have others below them, and the exit codes of the README', () => {
  const page = textOf('docs/cli.md')
  expect(page).toMatch(/^\| `doctor` +\|/m)
  expect(page).toMatch(/^\| `doctor connect /m)
  expect(page).toMatch(/^\| `audit` +\|/m)
  expect(page).not.toMatch(/^\| `sessions` +\|/m)
  const [, listed = ''] = /^Exit codes: ([^.]+)\.$/m.exec(textOf('README.md')) ?? []
  const codes = [...page.matchAll(/^\| (\d+) +\|/gm)].map(([, code]) => code)
  expect(codes).toEqual(['0', '1', '2', '64', '65', '69', '70', '77', '78'])
  expect([...listed.matchAll(/\d+/g)].map(([code]) => code)).toEqual(codes)
})

test('every setting is in exactly one section, with a sentence and what is expected', () => {
  const documented = Object.values(SECTIONS).flatMap((settings) => Object.entries(settings))
  expect(documented.map(([name]) => name).toSorted()).toEqual(Object.keys(settingsSchema.shape).toSorted())
  for (const [, schema] of documented) {
    expect(notesOf(schema)).toEqual({
      meaning: expect.stringMatching(/\.$/),
      expected: expect.stringMatching(/./),
      fallback: expect.stringMatching(/./),
      isSecret: expect.any(Boolean),
    })
  }
})

test('a schema that is no setting has no notes', () => {
  expect(() => notesOf(z.string())).toThrow(TypeError)
})

const root = join(import.meta.dirname, '..')
const textOf = (path: string): string => readFileSync(join(root, path), 'utf8')
const pages = globSync(['*.md', 'docs/**/*.md', 'infra/**/*.md', 'examples/**/*.md'], { cwd: root }).map(
  (path) => ({
    path,
    text: textOf(path),
  }),
)
/** Everything that the product is made of, in which a name of it has to occur. */
const product = globSync(
  ['src/**/*.ts', 'infra/**/*.{tf,yaml}', 'examples/**/*.{yaml,ts}', 'scripts/*', '.ci/run'],
  {
    cwd: root,
  },
)
  .map(textOf)
  .join('\n')
/** History: it names what was. */
const current = pages.filter(({ path }) => path !== 'CHANGELOG.md' && !path.startsWith('docs/decisions/'))

/** The anchors that a page shows for its headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.matchAll(/^#{1,6} +(.+)$/gm)].map(([, heading = '']) => heading)
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\- _]/gu, '')
        .replaceAll(' ', '-'),
    ),
  )
}

test('every link of a page leads to a file that is there, and to a heading that it has', () => {
  const dead = pages.flatMap(({ path, text }) =>
    [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]*)\)/g)]
      .map(([, link = '']) => link)
      .filter((link) => {
        const [file = '', anchor] = link.split('#')
        const target = file === '' ? path : relative(root, join(root, dirname(path), file))
        if (!existsSync(join(root, target))) return true
        return anchor !== undefined && !anchorsOf(textOf(target)).has(anchor)
      })
      .map((link) => `${path}: ${link}`),
  )

  expect(pages.length).toBeGreaterThan(15)
  expect(dead).toEqual([])
})

/** Variables of other programs, and places for a reader's own value. */
const OF_OTHERS =
  /^(OTEL|PIP|UV|NPM_CONFIG|NPM|NODE|SSL|CURL|REQUESTS|GIT)_|^(HTTPS?|ALL|NO)_PROXY$|^FIRESTORE_(EMULATOR_(HOST|JAR)|TESTS)$|^METADATA_SERVER_DETECTION$|^GOOGLE_APPLICATION_CREDENTIALS$|^TOOL_GATEWAY_(TOKEN|URL)$|^NO_COLOR$|^IMAGE_OF_THE_GATEWAY$|^STATE_BUCKET$/

test('every setting that a page names is one', () => {
  const unknown = current.flatMap(({ path, text }) =>
    [...text.matchAll(/(?<![\w$.-])[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b(?!_?…|_\*)/g)]
      .map(([name]) => name)
      .filter((name) => !(name in settingsSchema.shape) && !OF_OTHERS.test(name))
      .map((name) => `${path}: ${name}`),
  )

  expect(unknown).toEqual([])
})

/** Functions of JMESPath, options of Ollama, scenarios of the conformance suite. */
const OF_LIBRARIES = new Set(
  'trim_left trim_right pad_left pad_right find_first find_last num_ctx num_predict tools_call node_modules'.split(
    ' ',
  ),
)

test('every error code, metric and field that a page names is in the product', () => {
  const names = (text: string): string[] =>
    [...text.matchAll(/`([a-z]+(?:_[a-z]+)+)`/g)].map(([, name = '']) => name)
  // Prometheus adds `_total` to a metric, and writes `_` for each dot.
  const isKnown = (name: string): boolean =>
    new RegExp(name.replace(/_total$/, '').replaceAll('_', '[._]')).test(product)
  const unknown = current.flatMap(({ path, text }) =>
    names(text)
      .filter((name) => !OF_LIBRARIES.has(name) && !isKnown(name))
      .map((name) => `${path}: ${name}`),
  )

  expect(unknown).toEqual([])
})

test('the page on usage records has every rule that a record can name, and no other', () => {
  const [, union = ''] =
    /export type RuleId =((?:\s*\| '[a-z-]+')+)/.exec(textOf('src/domain/access/rules.ts')) ?? []
  const rules = [...union.matchAll(/'([a-z-]+)'/g)].map(([, rule]) => rule)
  const [, table = ''] = /\| `ruleId`.*\n\|[- |]+\n((?:\|.*\n)+)/.exec(textOf('docs/operations.md')) ?? []
  const documented = [...table.matchAll(/^\| `([a-z-]+)`/gm)].map(([, rule]) => rule)

  expect(rules.length).toBeGreaterThan(5)
  expect(new Set(documented)).toEqual(new Set([...rules, 'unknown-target']))
})

test('every instrument of the gateway is in the reference of metrics', async () => {
  const sources = globSync('src/telemetry/metrics/*.ts', { cwd: root }).map(textOf).join('\n')
  const instruments = [
    ...sources.matchAll(/(?:(?:create\w+|gauge)\(|new Durations\(\{\s*name:)\s*'([a-z0-9._]+)'/g),
  ].map(([, name = '']) => name.replaceAll('.', '_'))
  const reported = (await reportedMetrics()).map(({ name }) => name.replace(/_total$/, ''))

  expect(instruments.length).toBeGreaterThan(35)
  expect(new Set(reported)).toEqual(new Set(instruments))
})

test('lists are paged as the page of endpoints says: 1 to 1000 a page, 100 by default', () => {
  const { limit } = pageQuery

  expect(limit.parse(undefined)).toBe(100)
  expect([0, 1, 1000, 1001].map((size) => limit.safeParse(size).success)).toEqual([false, true, true, false])
  expect(textOf('docs/endpoints.md')).toContain('`limit` is 1 to 1000, by default 100')
})

describe('the examples for clients', () => {
  const blocks = new Map(
    textOf('examples/clients.md')
      .split(/^## /m)
      .map((section) => [section.split('\n', 1).join(), /```json\n(.*?)```/s.exec(section)?.[1]] as const),
  )
  const json = (client: string): unknown => JSON.parse(blocks.get(client) ?? 'null')
  const url = 'http://127.0.0.1:8080/mcp'

  test('have the section and the name of the address that each client reads', () => {
    expect(json('Claude Code')).toMatchObject({ mcpServers: { gateway: { type: 'http', url } } })
    expect(json('Cursor')).toMatchObject({ mcpServers: { gateway: { url } } })
    expect(json('VS Code')).toMatchObject({
      inputs: [{ type: 'promptString', id: 'gateway-token', password: true }],
      servers: {
        gateway: { type: 'http', url, headers: { Authorization: 'Bearer ${input:gateway-token}' } },
      },
    })
    expect(json('Gemini CLI')).toMatchObject({ mcpServers: { gateway: { httpUrl: url } } })
    expect(json('Windsurf')).toMatchObject({ mcpServers: { gateway: { serverUrl: url } } })
    expect(json('mcp-remote')).toMatchObject({
      mcpServers: {
        gateway: { command: 'npx', args: ['-y', 'mcp-remote', url, '--header', expect.anything()] },
      },
    })
  })
})

test('the package has the pages that its messages point at', () => {
  const { files } = JSON.parse(textOf('package.json')) as { files: readonly string[] }

  expect(files).toEqual(['dist', 'docs', 'examples'])
})
