import { expect, test } from '@jest/globals'
import { serverDocumentSchema } from '../../../src/domain/documents/server-definition.ts'
import { unfilledWarnings } from '../../../src/domain/documents/unfilled.ts'

const warningsOf = (document: object): string[] =>
  unfilledWarnings(serverDocumentSchema.parse({ name: 'a', tenantId: 'acme', ...document }))
const stdio = (fields: object): string[] => warningsOf({ transport: 'stdio', command: 'x', ...fields })
const http = (fields: object): string[] =>
  warningsOf({ transport: 'http', url: 'https://x.example.com', ...fields })

const AS_SECRET = 'write the value, or for a secret secret://<tenant>_<name> (SECRETS_FILE, SECRETS_ENV)'
const AS_STANDS = 'is not filled in, and is sent to the server unchanged'

test.each([
  ['${TOKEN}', '${TOKEN}'],
  ['Bearer ${env:TOKEN}', '${env:TOKEN}'],
  ['${input:github-token}', '${input:github-token}'],
  ['${TOKEN:-hunter2}', '${TOKEN:-…}'],
  ['$TOKEN', '$TOKEN'],
  ['{env:TOKEN}', '{env:TOKEN}'],
])('%s in env and headers is named with its place, and with what to write instead', (value, text) => {
  expect(stdio({ env: { KEY: value } })).toEqual([`env.KEY: ${text} ${AS_STANDS}: ${AS_SECRET}`])
  expect(http({ headers: { Authorization: value } })).toEqual([
    `headers.Authorization: ${text} ${AS_STANDS}: ${AS_SECRET}`,
  ])
})

test('a token and headers of auth are looked at, too', () => {
  expect(http({ auth: { kind: 'bearer', token: '${A}' } })).toEqual([
    `auth.token: \${A} ${AS_STANDS}: ${AS_SECRET}`,
  ])
  expect(http({ auth: { kind: 'headers', headers: { X: '$B' } } })).toEqual([
    `auth.headers.X: $B ${AS_STANDS}: ${AS_SECRET}`,
  ])
})

test.each([
  [{ args: ['~/notes'] }, `args[0]: ~ ${AS_STANDS}: write the whole path`],
  [{ args: ['--root=~/notes'] }, `args[0]: ~ ${AS_STANDS}: write the whole path`],
  [{ cwd: '~' }, `cwd: ~ ${AS_STANDS}: write the whole path`],
  [{ args: ['${workspaceFolder}/a'] }, `args[0]: \${workspaceFolder} ${AS_STANDS}: write the whole path`],
  [{ command: '%APPDATA%/x' }, `command: %APPDATA% ${AS_STANDS}: write the value itself`],
  [
    { args: ['--key', '$API_KEY'] },
    `args[1]: $API_KEY ${AS_STANDS}: write the value; a secret belongs into env, as secret://<tenant>_<name> (SECRETS_FILE, SECRETS_ENV)`,
  ],
])('%j is named', (fields, warning) => {
  expect(stdio(fields)).toEqual([warning])
})

test.each([
  [{ env: { PASSWORD: 'pa$word', PRICE: '$5', EMPTY: '', CALL: '$(x)' } }],
  [{ env: { TOKEN: 'secret://acme_token' } }],
  [{ args: ['a~b', 'x=~', '{"a":1}', '100%', '$', 'a$B'] }],
])('%j has no placeholder', (fields) => {
  expect(stdio(fields)).toEqual([])
})

test('an escaped character of a url is no placeholder', () => {
  expect(http({ url: 'https://x.example.com/%ABCD%EF' })).toEqual([])
})
