/** Servers as their publishers describe them in the MCP registry, one of each kind. */
export const PUBLISHED: readonly Record<string, unknown>[] = [
  {
    name: 'io.github.someone/weather',
    title: 'Weather',
    description: 'Forecasts <b>anywhere</b>',
    version: '1.2.3',
    repository: { url: 'javascript:alert(1)', source: 'github' },
    websiteUrl: 'https://weather.example',
    remotes: [
      {
        type: 'streamable-http',
        url: 'http://127.0.0.1:9/{region}/mcp',
        variables: { region: { description: 'Where it runs', isRequired: true, choices: ['eu', 'us'] } },
        headers: [
          { name: 'X-Api-Key', description: 'Key of your account', isRequired: true, isSecret: true },
        ],
      },
    ],
    packages: [
      {
        registryType: 'npm',
        identifier: '@someone/weather',
        version: '1.2.3',
        transport: { type: 'stdio' },
        environmentVariables: [{ name: 'UNITS', default: 'metric' }],
      },
    ],
  },
  {
    name: 'io.modelcontextprotocol/weather-files',
    version: '2.0.0',
    packages: [
      {
        registryType: 'npm',
        identifier: '@modelcontextprotocol/server-files',
        version: '2.0.0',
        transport: { type: 'stdio' },
        packageArguments: [{ type: 'positional', valueHint: 'folder', isRequired: true }],
      },
    ],
  },
  {
    name: 'io.github.other/weather-python',
    version: '0.1.0',
    packages: [{ registryType: 'pypi', identifier: 'weather', transport: { type: 'stdio' } }],
  },
]
