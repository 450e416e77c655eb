import { isBuiltin } from 'node:module'
import { basename, dirname, posix } from 'node:path'
import { expect, test } from '@jest/globals'
import { sourceFiles, specifiersIn, withoutComments } from './support/source-graph.ts'

/** Folders and top-level files of src, lowest first. Those of one rank do not know each other. */
const RANKS = [
  ['domain'],
  ['files'],
  ['config', 'telemetry', 'cache', 'pipelines', 'lifecycle.ts', 'threads', 'outbound'],
  ['firestore'],
  ['state'],
  ['identity', 'secrets', 'audit', 'registry', 'replicas', 'upstream'],
  ['catalog', 'credentials'],
  ['reconcile', 'calls'],
  ['features'],
  ['mcp', 'rest', 'oauth', 'dashboard'],
  ['http'],
  ['assembly'],
  ['gateway.ts'],
  ['welcome.ts', 'embedding.ts'],
  ['run-gateway.ts'],
  ['serve.ts'],
  ['main.ts'],
  ['cli'],
]

/**
 * Which folders, or files by how their path starts, may import a package; `*` ends a name that stands for all that start
 * so. No other package may be imported.
 */
const OWNERS: Readonly<Record<string, readonly string[] | 'every folder'>> = {
  zod: 'every folder',
  express: ['http', 'rest', 'mcp', 'oauth', 'dashboard'],
  '@modelcontextprotocol/client': ['upstream', 'credentials/authorization/', 'cli/sign-in/', 'cli/doctor/'],
  oauth4webapi: ['credentials'],
  '@modelcontextprotocol/server': ['mcp'],
  '@modelcontextprotocol/node': ['mcp'],
  jose: ['identity'],
  'openid-client': ['oauth/sign-in/'],
  'oidc-provider': ['oauth/server/', 'oauth/consent/consent-request'],
  '@opentelemetry/*': ['telemetry'],
  '@google-cloud/firestore': ['firestore', 'registry/firestore/', 'audit/firestore/', 'state/firestore/'],
  'google-auth-library': ['firestore'],
  '@google-cloud/secret-manager': ['secrets/secret-manager-', 'secrets/shared-keys'],
  '@kubernetes/client-node': ['registry/kubernetes/kubernetes-client'],
  pino: ['telemetry'],
  'pino-pretty': ['telemetry'],
  yaml: [
    'registry',
    'secrets',
    'cli/input/file-text',
    'cli/registry/move-secrets',
    'cli/servers/server-edit',
  ],
  'node:sqlite': ['audit', 'state/sqlite/', 'files/system-lock'],
  ajv: ['registry'],
  commander: ['cli'],
  'smol-toml': ['cli/registry/import-'],
  ws: ['http/websocket-', 'mcp/transports/websocket-'],
  'lru-cache': [
    'identity',
    'oauth/sign-in/provider-client',
    'secrets',
    'cache',
    'credentials',
    'catalog',
    'calls',
  ],
  ollama: ['features/enhancement/ollama-client'],
  opossum: ['upstream'],
  undici: ['outbound', 'upstream/fetch/exchange', 'upstream/fetch/direct-post', 'cli/sign-in/patient-fetch'],
  '@jmespath-community/jmespath': ['pipelines'],
  marked: ['http/pages/docs-library'],
}

/** Loads modules that are not of the gateway: the only ones whose names are not written where they are imported. */
const LOADS_MODULES = 'calls/operator/load-stages.ts'

const MAX_LINES = 300
const FORBIDDEN_NAME = /(^|-)(manager|helper|util|handler|service|common|base)s?\.ts$/
const FORBIDDEN_TYPE =
  /^(?:export )?(?:abstract )?(?:class|interface|type) \w*(?:Manager|Helper|Util|Handler|Service|Common|Base)s?\b/m
const DYNAMIC_IMPORT = /\bimport\(\s*([^)]*)\)/g

const files = sourceFiles()
const code = files.map(({ path, text }) => ({ path, text: withoutComments(text) }))
const imports = files.flatMap(({ path, text }) =>
  specifiersIn(text).map((specifier) => ({ path, specifier })),
)

function folderOf(path: string): string {
  return path.split('/')[0] ?? ''
}

function rankOf(path: string): number {
  return RANKS.findIndex((names) => names.includes(folderOf(path)))
}

function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

function ownersOf(name: string): readonly string[] | 'every folder' | undefined {
  const scope = `${name.split('/')[0]}/*`
  return OWNERS[name] ?? OWNERS[scope] ?? (isBuiltin(name) ? 'every folder' : undefined)
}

test('there is something to look at, and imports are found in it', () => {
  expect(files.length).toBeGreaterThan(20)
  expect(imports).toContainEqual({
    path: 'registry/file/file-source.ts',
    specifier: '../documents/snapshot-series.ts',
  })
  expect(imports).toContainEqual({ path: 'registry/file/yaml-text.ts', specifier: 'yaml' })
})

test('every file has a rank', () => {
  expect(files.filter(({ path }) => rankOf(path) === -1).map(({ path }) => path)).toEqual([])
})

test('a file imports its own folder and lower ranks only', () => {
  const wrong = imports
    .filter(({ specifier }) => specifier.startsWith('.'))
    .map(({ path, specifier }) => ({ path, target: posix.join(dirname(path), specifier) }))
    .filter(
      ({ path, target }) =>
        folderOf(target) !== folderOf(path) && (rankOf(target) === -1 || rankOf(target) >= rankOf(path)),
    )
  expect(wrong).toEqual([])
})

test('a package is imported only where it belongs', () => {
  const wrong = imports
    .filter(({ specifier }) => !specifier.startsWith('.'))
    .map(({ path, specifier }) => ({ path, name: packageOf(specifier) }))
    .filter(({ path, name }) => {
      const owners = ownersOf(name)
      if (owners === 'every folder') return false
      return (
        owners?.some(
          (owner) => owner === folderOf(path) || (owner.includes('/') && path.startsWith(owner)),
        ) !== true
      )
    })
  expect(wrong).toEqual([])
})

test('a text that somebody else wrote is read as a URL by `URL.parse`, which throws for none', () => {
  const wrong = code
    .filter(({ path }) =>
      ['domain', 'registry', 'secrets', 'reconcile', 'catalog', 'pipelines', 'rest'].includes(folderOf(path)),
    )
    .filter(({ text }) => /\bnew URL\(/.test(text.replace(/new URL\([^;]*?import\.meta\.url,?\s*\)/g, '')))
  expect(wrong.map(({ path }) => path)).toEqual([])
})

test('nothing is imported in a way that these tests do not see', () => {
  const dynamic = code.flatMap(({ path, text }) =>
    [...text.matchAll(DYNAMIC_IMPORT)]
      .filter(([, argument = '']) => !/^['"][^'"]+['"]\s*$/.test(argument))
      .map(([statement]) => ({ path, statement })),
  )
  expect(dynamic.filter(({ path }) => path !== LOADS_MODULES)).toEqual([])
  const surprises =
    /\b(?:require|createRequire|eval|getBuiltinModule)\s*\(|\bnew Function\b|\bimport\.meta\.resolve\b.*\bimport\(/
  expect(code.filter(({ text }) => surprises.test(text)).map(({ path }) => path)).toEqual([])
})

test(`no file has more than ${MAX_LINES} lines of code`, () => {
  const long = code
    .map(({ path, text }) => ({ path, lines: text.split('\n').filter((line) => line.trim() !== '').length }))
    .filter(({ lines }) => lines > MAX_LINES)
  expect(long).toEqual([])
})

test('no name says manager, helper, util, handler, service, common or base', () => {
  const names = files.map(({ path }) => path)
  expect(
    names.filter((path) => FORBIDDEN_NAME.test(basename(path)) && basename(path) !== 'error-handler.ts'),
  ).toEqual([])
  expect(
    names.filter((path) => /(^|\/)(managers?|helpers?|utils?|handlers?|services?|common|base)\//.test(path)),
  ).toEqual([])
  expect(code.filter(({ text }) => FORBIDDEN_TYPE.test(text)).map(({ path }) => path)).toEqual([])
})

/** Files that send requests of their own to where the operator says, by settings or at the command line. */
const SENDS_TO_OPERATORS_ADDRESSES = [
  'audit/stream/record-stream.ts',
  'features/enhancement/checked-fetch.ts',
  'secrets/vault/cloud-kms.ts',
  'cli/',
]
/** Files that open connections by what the policy for outgoing requests has checked. */
const SENDS_BY_POLICY = ['outbound/', 'upstream/fetch/exchange.ts', 'upstream/fetch/direct-post.ts']
/** What runs in browsers. */
const IN_BROWSERS = ['dashboard/assets/', 'http/pages/api-page-assets.ts']
const OPENS_CONNECTION = [
  /\bnew (?:WebSocket|EventSource)\(/,
  /from '(?:undici|node:tls|node:http2|node:dgram)'/,
  /import \{[^}]*\b(?:request|get)\b[^}]*\} from 'node:https?'/,
  /import \{[^}]*\b(?:connect|createConnection)\b[^}]*\} from 'node:net'/,
]
const CALLS_FETCH = /(?<![.\w#])fetch\(/
/** A parameter or variable that has the name. */
const DECLARES_FETCH = /\bfetch\??: |\bconst fetch\b|\bfetch \}/

test('a connection out is opened by the policy for outgoing requests, or to where the operator says', () => {
  const opening = code
    .filter(
      ({ text }) =>
        OPENS_CONNECTION.some((pattern) => pattern.test(text)) ||
        (CALLS_FETCH.test(text) && !DECLARES_FETCH.test(text)),
    )
    .map(({ path }) => path)
  const known = [...SENDS_TO_OPERATORS_ADDRESSES, ...SENDS_BY_POLICY, ...IN_BROWSERS]
  expect(opening).toContain('secrets/vault/cloud-kms.ts')
  expect(opening.filter((path) => !known.some((start) => path.startsWith(start)))).toEqual([])
})
