import { describe, expect, test } from '@jest/globals'
import {
  parseSecretReference,
  secretOwner,
  secretProblem,
  secretsOf,
} from '../../../src/domain/documents/secret-reference.ts'
import { serverDocumentSchema } from '../../../src/domain/documents/server-definition.ts'
import { problemLine, problemsOf } from '../../../src/domain/documents/problems.ts'

const STDIO = { name: 'x', tenantId: 'acme', transport: 'stdio', command: 'node' }
const HTTP = { name: 'x', tenantId: 'acme', transport: 'http', url: 'http://x.invalid/' }

function problems(document: Record<string, unknown>): string[] {
  return problemsOf({ issues: serverDocumentSchema.safeParse(document).error?.issues ?? [] }).map(problemLine)
}

describe('a reference', () => {
  test('has an owner, a name, and a version if one is written', () => {
    expect(parseSecretReference('secret://acme_github-token')).toEqual({
      text: 'secret://acme_github-token',
      tenantId: 'acme',
      name: 'acme_github-token',
      version: undefined,
    })
    expect(parseSecretReference('secret://SHARED_key#7')).toMatchObject({
      text: 'secret://SHARED_key#7',
      tenantId: '*',
      version: '7',
    })
  })

  test('to the latest version is the one without a version', () => {
    expect(parseSecretReference('secret://a_b#latest')).toEqual(parseSecretReference('secret://a_b'))
  })

  test.each([
    'secret://',
    'secret://acme',
    'secret://acme_',
    'secret://_key',
    'secret://ACME_key',
    'secret://*_key',
    'secret://shared-_',
    'secret://acme_key#',
    'secret://acme_key#1#2',
    'secret://acme_key#a/b',
    'secret://acme_../../other_key',
    'secret://acme_key/versions/1',
    'secret://acme_key%2f',
    'secret://acme_key ',
    'secret://acme_key\n',
    ' secret://acme_key',
    'SECRET://acme_key',
    'secret:acme_key',
    `secret://acme_${'x'.repeat(181)}`,
    'acme_key',
  ])('is not %j', (value) => {
    expect(parseSecretReference(value)).toBeUndefined()
  })
})

describe('the owner of a name', () => {
  test.each([
    ['a_x', 'a'],
    ['a-b_x', 'a-b'],
    ['a--b_x', 'a--b'],
    ['a-_-b', 'a-'],
    ['a_b_x', 'a'],
    ['a__x', 'a'],
    ['shared_x', 'shared'],
    ['SHARED_x', '*'],
    ['Shared_x', undefined],
  ])('of %s is %s', (name, owner) => {
    expect(secretOwner(name)).toBe(owner)
  })

  test('is the one tenant whose prefix the name has', () => {
    const tenants = ['a', 'a-', 'a-b', 'a--b', 'ab', 'shared', 'b']
    for (const tenant of tenants) {
      const name = `${tenant}_b_x`
      expect(tenants.filter((other) => secretProblem(`secret://${name}`, other) === undefined)).toEqual([
        tenant,
      ])
    }
  })
})

describe('a document', () => {
  test('may name secrets of its tenant in env, headers and auth', () => {
    const ref = 'secret://acme_key'
    expect(problems({ ...STDIO, env: { KEY: ref, PLAIN: 'x' } })).toEqual([])
    expect(
      problems({ ...HTTP, headers: { 'x-key': ref }, auth: { kind: 'bearer', token: `${ref}#2` } }),
    ).toEqual([])
    expect(problems({ ...HTTP, auth: { kind: 'headers', headers: { 'x-key': ref } } })).toEqual([])
  })

  test('of all tenants may name shared secrets, and no others', () => {
    expect(problems({ ...STDIO, tenantId: '*', env: { KEY: 'secret://SHARED_key' } })).toEqual([])
    expect(problems({ ...STDIO, tenantId: '*', env: { KEY: 'secret://acme_key' } })).toEqual([
      'env.KEY: secret://acme_key may not be used here: a document of tenant * may use secrets named SHARED_…',
    ])
  })

  test.each([
    [{ ...STDIO, env: { KEY: 'secret://SHARED_key' } }, 'env.KEY: secret://SHARED_key'],
    [{ ...STDIO, env: { KEY: 'secret://acme-b_key#1' } }, 'env.KEY: secret://acme-b_key#1'],
    [{ ...HTTP, headers: { a: 'secret://acm_key' } }, 'headers.a: secret://acm_key'],
    [{ ...HTTP, auth: { kind: 'bearer', token: 'secret://other_key' } }, 'auth.token: secret://other_key'],
    [
      { ...HTTP, auth: { kind: 'headers', headers: { a: 'secret://other_key' } } },
      'auth.headers.a: secret://other_key',
    ],
  ])('that names a secret of another tenant is refused, with the reference: %j', (document, start) => {
    expect(problems(document)).toEqual([
      `${start} may not be used here: a document of tenant acme may use secrets named acme_…`,
    ])
  })

  test.each([
    [{ ...STDIO, env: { KEY: 'canary secret://acme_key' } }, 'env.KEY'],
    [{ ...HTTP, headers: { authorization: 'Bearer secret://acme_key' } }, 'headers.authorization'],
    [{ ...HTTP, auth: { kind: 'bearer', token: 'Secret://canary' } }, 'auth.token'],
  ])('with a reference inside of a value is refused, without the value: %j', (document, path) => {
    expect(problems(document)).toEqual([
      `${path}: not a secret reference: expected secret://<tenant>_<name> or secret://<tenant>_<name>#<version>, and nothing else`,
    ])
  })

  test('may not name secrets in arguments, which every user of the machine can see', () => {
    expect(problems({ ...STDIO, args: ['--key', 'secret://acme_key'] })).toEqual([
      'args[1]: secrets can be named in env, headers and auth only',
    ])
  })

  test('tells its secrets, each once', () => {
    const server = serverDocumentSchema.parse({
      ...HTTP,
      headers: { a: 'secret://acme_a', b: 'plain', c: 'secret://acme_a#latest' },
      auth: { kind: 'headers', headers: { d: 'secret://acme_b#1' } },
    })
    expect(secretsOf(server).map(({ text }) => text)).toEqual(['secret://acme_a', 'secret://acme_b#1'])
    expect(secretsOf(serverDocumentSchema.parse(HTTP))).toEqual([])
  })
})
