import { describe, expect, test } from '@jest/globals'
import { documentOfServerJson, isServerJson } from '../../../src/registry/clients/server-json.ts'
import { problemsOfDocument } from '../../../src/registry/documents/validate.ts'

const npm = (fields: Record<string, unknown> = {}): Record<string, unknown> => ({
  registryType: 'npm',
  identifier: '@example/weather',
  version: '1.2.3',
  transport: { type: 'stdio' },
  ...fields,
})

const weather = (fields: Record<string, unknown>): Record<string, unknown> => ({
  $schema: 'https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json',
  name: 'io.github.example/Weather_API',
  description: 'Forecasts',
  version: '1.2.3',
  ...fields,
})

describe('an npm package', () => {
  test('becomes a stdio server that npx fetches in that version', () => {
    const { document, missing, notes } = documentOfServerJson(weather({ packages: [npm()] }))
    expect(document).toEqual({
      name: 'weather-api',
      transport: 'stdio',
      command: 'npx',
      args: ['-y', '@example/weather@1.2.3'],
      description: 'Forecasts',
    })
    expect([missing, notes]).toEqual([[], []])
    expect(problemsOfDocument({ tenantId: 'acme', ...document })).toEqual([])
  })

  test('has its arguments and environment filled from fixed values, defaults and what is given', () => {
    const packages = [
      npm({
        runtimeHint: 'npx',
        runtimeArguments: [{ type: 'named', name: '--package', value: 'x' }],
        packageArguments: [
          { type: 'positional', value: 'serve' },
          { type: 'named', name: '--port', default: '80' },
          { type: 'named', name: '--verbose' },
          {
            type: 'named',
            name: '--home',
            value: 'user={user};{nothing}',
            variables: { user: { isRequired: true } },
          },
        ],
        environmentVariables: [
          { name: 'UNITS', default: 'metric' },
          { name: 'KEY', isRequired: true, isSecret: true },
          { name: 'EXTRA', description: 'Rarely needed' },
        ],
      }),
    ]
    const { document, missing, notes } = documentOfServerJson(weather({ packages }), {
      values: { KEY: 'secret://acme_key', user: 'ann' },
      name: 'w',
    })
    expect(document).toEqual({
      name: 'w',
      transport: 'stdio',
      command: 'npx',
      args: [
        '-y',
        '--package',
        'x',
        '@example/weather@1.2.3',
        'serve',
        '--port',
        '80',
        '--home',
        'user=ann;{nothing}',
      ],
      env: { UNITS: 'metric', KEY: 'secret://acme_key' },
      description: 'Forecasts',
    })
    expect(missing).toEqual([])
    expect(notes).toEqual([
      'env.EXTRA is optional and was left out: Rarely needed',
      'args: --verbose is optional and was left out',
    ])
  })

  test('is disabled, with placeholders, while something required is missing', () => {
    const packages = [
      npm({
        packageArguments: [{ type: 'positional', valueHint: 'folder', isRequired: true }],
        environmentVariables: [
          { name: 'KEY', isRequired: true, isSecret: true, description: 'Your key' },
          { name: 'MODE', isRequired: true, choices: ['a', 'b'] },
        ],
      }),
    ]
    const { document, missing } = documentOfServerJson(weather({ packages }))
    expect(document).toMatchObject({
      enabled: false,
      args: ['-y', '@example/weather@1.2.3', '<folder>'],
      env: { KEY: '<KEY>', MODE: '<MODE>' },
    })
    expect(missing).toEqual([
      { place: 'env.KEY', name: 'KEY', description: 'Your key', isSecret: true, choices: [] },
      { place: 'env.MODE', name: 'MODE', description: undefined, isSecret: false, choices: ['a', 'b'] },
      { place: 'args: folder', name: 'folder', description: undefined, isSecret: false, choices: [] },
    ])
    expect(problemsOfDocument({ tenantId: 'acme', ...document })).toEqual([])
  })
})

describe('a remote', () => {
  test.each(['streamable-http', 'sse'])('over %s becomes a server of that transport', (type) => {
    const remotes = [{ type, url: 'https://x.example.com/mcp' }]
    expect(documentOfServerJson(weather({ remotes })).document).toEqual({
      name: 'weather-api',
      transport: type,
      url: 'https://x.example.com/mcp',
      description: 'Forecasts',
    })
  })

  test('has its headers and the variables of its URL filled in', () => {
    const remotes = [
      {
        type: 'sse',
        url: 'https://{region}.example.com/{path}',
        variables: { region: { default: 'eu' }, path: { isRequired: true } },
        headers: [
          {
            name: 'Authorization',
            isRequired: true,
            value: 'Bearer {token}',
            variables: { token: { isRequired: true, isSecret: true } },
          },
        ],
      },
    ]
    const given = documentOfServerJson(weather({ remotes }), { values: { path: 'p', token: 't' } })
    expect(given.document).toMatchObject({
      url: 'https://eu.example.com/p',
      headers: { Authorization: 'Bearer t' },
    })
    expect(given.missing).toEqual([])
    const { document, missing } = documentOfServerJson(weather({ remotes }))
    expect(document).toMatchObject({ headers: { Authorization: 'Bearer <token>' }, enabled: false })
    expect(missing.map(({ place }) => place)).toEqual(['headers.Authorization {token}', 'url {path}'])
  })

  test('is taken before a package, streamable-http first, unless the package is asked for', () => {
    const both = weather({
      packages: [npm()],
      remotes: [
        { type: 'sse', url: 'https://x.example.com/sse' },
        { type: 'streamable-http', url: 'https://x.example.com/mcp' },
      ],
    })
    const { document, notes } = documentOfServerJson(both)
    expect(document).toMatchObject({ transport: 'streamable-http' })
    expect(notes).toEqual([
      'the remote over streamable-http was chosen; the server offers 2 more usable choices',
    ])
    expect(documentOfServerJson(both, { prefer: 'package' }).document).toMatchObject({ command: 'npx' })
  })
})

test('a server that offers nothing usable is refused with what it offers', () => {
  const packages = [npm({ registryType: 'pypi' }), npm({ transport: { type: 'sse' } })]
  expect(() => documentOfServerJson(weather({ packages }))).toThrow(
    /nothing that can be imported .* but a package of pypi over stdio, a package of npm over sse$/,
  )
  expect(() => documentOfServerJson(weather({ packages: [] }))).toThrow(/but nothing$/)
})

test.each([
  [weather({ packages: [] }), true],
  [{ server: weather({ remotes: [] }), _meta: {} }, true],
  [{ mcpServers: {} }, false],
  [{ name: 'x' }, false],
  [null, false],
])('%# is told from other files', (value, expected) => {
  expect(isServerJson(value)).toBe(expected)
})

test('the wrapping of the registry API is taken off', () => {
  expect(documentOfServerJson({ server: weather({ packages: [npm()] }), _meta: {} }).document).toMatchObject({
    command: 'npx',
  })
})
