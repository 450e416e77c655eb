import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { Templates } from '../../../src/registry/documents/templates.ts'

/** What is wrong with a template for all tenants, or for one. */
const problemsOf = (document: JsonObject, tenantId = '*'): string =>
  new Templates().add({ name: 'search', tenantId, ...document }).join('; ') || 'valid'
const server = (fields: JsonObject, properties: JsonObject = { port: { type: 'integer' } }): JsonObject => ({
  configSchema: { type: 'object', properties },
  server: { transport: 'stdio', command: 'run', ...fields },
})
const http = (url: string): JsonObject => ({
  configSchema: { properties: { host: { type: 'string' } } },
  server: { transport: 'http', url },
})

describe('a template', () => {
  test.each<[string, JsonObject, string]>([
    ['of a fixed server', { server: { transport: 'stdio', command: 'run' } }, 'valid'],
    [
      'with placeholders in args and env',
      server({ args: ['${config.port}'], env: { P: 'p${config.port}' } }),
      'valid',
    ],
    ['with a placeholder for a number', server({ timeoutMs: '${config.port}' }), 'valid'],
    ['with instances in its URL', http('http://${config.host}-${instance}:80/mcp'), 'valid'],
    ['with a part of a value', server({ args: ['${config.port.number}'] }), 'valid'],
    ['with text that only looks like a placeholder', server({ args: ['$${HOME}', '$HOME', '${'] }), 'valid'],
    ['without a server', {}, 'server: expected object'],
    ['with unknown fields', { ...server({}), parameters: {} }, 'unknown field "parameters"'],
    [
      'without a transport',
      { server: { command: 'x' } },
      'server.transport: expected stdio, streamable-http, sse or http',
    ],
    [
      'of a template',
      { server: { transport: 'template' } },
      'server.transport: expected stdio, streamable-http, sse or http',
    ],
    [
      'that says who may use the server',
      server({ requiredRoles: ['a'], tools: {}, tenantId: '*' }),
      'server.requiredRoles: must be set in the documents of the servers that use the template; server.tools: must be set in the documents of the servers that use the template; server.tenantId: must be set in the documents of the servers that use the template',
    ],
    ['with a field of another transport', server({ url: 'http://a' }), 'server: unknown field "url"'],
    [
      'with a placeholder of a misspelled name',
      server({ args: ['${config.prot}'] }),
      'server.args[0]: ${config.prot} is not in configSchema.properties',
    ],
    [
      'with a placeholder that there is not',
      server({ env: { HOME: '${HOME}' } }),
      'server.env.HOME: ${HOME} is not a known placeholder; to write it literally, use $${',
    ],
    [
      'with a program that is filled in',
      server({ command: '${config.port}', cwd: '/${config.port}' }),
      'server.command: ${config.port}: placeholders are not supported here; server.cwd: ${config.port}: placeholders are not supported here',
    ],
    [
      'with the number of the instance anywhere else',
      server({ args: ['${instance}'] }),
      'server.args[0]: ${instance} can be used in server.url only',
    ],
    [
      'with a schema of a list',
      { ...server({}), configSchema: { type: 'array' } },
      'configSchema: type: expected "object"',
    ],
    [
      'with a schema that is none',
      { ...server({}), configSchema: { properties: 5 } },
      'configSchema: schema is invalid: data/properties must be object',
    ],
    [
      'with a schema that refers elsewhere',
      { ...server({}), configSchema: { $ref: 'https://example.com/schema' } },
      "configSchema: can't resolve reference https://example.com/schema from id #",
    ],
    [
      'for more instances than there can be',
      { ...server({}), maxInstances: 101 },
      'maxInstances: expected number to be <=100',
    ],
  ])('%s', (_case, document, expected) => {
    expect(problemsOf(document)).toBe(expected)
  })

  test('of one tenant may have no schema whose check could take forever', () => {
    const template = (schema: JsonObject): JsonObject => ({ ...server({}), configSchema: schema })
    const slow = { properties: { a: { anyOf: [{ pattern: '(a+)+$' }] } } }
    expect(problemsOf(template(slow))).toBe('valid')
    expect(problemsOf(template(slow), 'acme')).toBe(
      'configSchema: pattern can be used in templates for all tenants only',
    )
    expect(problemsOf(template({ $ref: '#' }), 'acme')).toBe(
      'configSchema: $ref can be used in templates for all tenants only',
    )
  })

  test('of a name that there is already does not count', () => {
    const templates = new Templates()
    const document = { name: 'search', tenantId: 'acme', ...server({ args: ['first'] }) }
    expect(templates.add(document)).toEqual([])
    expect(templates.add({ ...document, ...server({ args: ['second'] }) })).toEqual([
      'name: search is already taken by another template',
    ])
    expect(templates.add({ ...document, tenantId: 'globex' })).toEqual([])
    expect(templates.find('acme', 'search')?.server['args']).toEqual(['first'])
  })

  test('is found by its own tenant, or by all; the tenant’s own comes first', () => {
    const templates = Templates.of([
      { name: 'own', tenantId: 'acme', ...server({ args: ['acme'] }) },
      { name: 'both', tenantId: '*', ...server({ args: ['all'] }) },
      { name: 'both', tenantId: 'acme', ...server({ args: ['acme'] }) },
      { name: 'broken', tenantId: 'acme' },
    ])
    const argsOf = (tenantId: string, name: string): unknown => templates.find(tenantId, name)?.server['args']
    expect([argsOf('acme', 'own'), argsOf('globex', 'own'), argsOf('*', 'own')]).toEqual([
      ['acme'],
      undefined,
      undefined,
    ])
    expect([argsOf('acme', 'both'), argsOf('globex', 'both'), argsOf('*', 'both')]).toEqual([
      ['acme'],
      ['all'],
      ['all'],
    ])
    expect([templates.isUnusable('acme', 'broken'), templates.isUnusable('globex', 'broken')]).toEqual([
      true,
      false,
    ])
  })
})
