import { describe, expect, test } from '@jest/globals'
import { EVERY_PROGRAM, type LaunchPolicy, launchProblems } from '../../../src/domain/launch/launch-policy.ts'
import { definitionOf } from '../../support/server-definitions.ts'

const LISTED: LaunchPolicy = {
  servers: 'allowlist',
  programs: ['/opt/tools/server'],
  packages: ['@acme/*', 'exact-server'],
  needsSandbox: false,
}

function problems(fields: Record<string, unknown>, policy: LaunchPolicy): readonly string[] {
  return launchProblems(definitionOf({ transport: 'stdio', ...fields }), policy).map(
    ({ path, text }) => `${path}: ${text}`,
  )
}

describe('where only listed programs are started', () => {
  test.each([
    [{ command: '/opt/tools/server' }],
    [{ package: '@acme/files' }],
    [{ package: '@acme/files@1.2.3' }],
    [{ package: 'exact-server' }],
    [{ command: '/opt/tools/server', args: ['--anything'], env: { API_KEY: 'x', LOG_LEVEL: 'debug' } }],
  ])('%j may be started', (fields) => {
    expect(problems(fields, LISTED)).toEqual([])
  })

  test.each([
    [{ command: '/bin/sh' }, 'command: the setting STDIO_ALLOWLIST does not list it'],
    [{ command: 'node' }, 'command: the setting STDIO_ALLOWLIST does not list it'],
    [{ command: 'server' }, 'command: the setting STDIO_ALLOWLIST does not list it'],
    [{ command: '/opt/tools/../../bin/sh' }, 'command: the setting STDIO_ALLOWLIST does not list it'],
    [{ command: '/opt/tools/server ' }, 'command: the setting STDIO_ALLOWLIST does not list it'],
    [{ command: '@acme/files' }, 'command: the setting STDIO_ALLOWLIST does not list it'],
    [{ package: '@acme-evil/files' }, 'package: the setting STDIO_ALLOWLIST does not list it'],
    [{ package: 'exact-server-evil' }, 'package: the setting STDIO_ALLOWLIST does not list it'],
    [
      { command: '/opt/tools/server', cwd: '/' },
      'cwd: each program has its own folder where the setting STDIO_SERVERS is `allowlist`',
    ],
  ])('%j may not', (fields, problem) => {
    expect(problems(fields, LISTED)).toEqual([problem])
  })

  test.each([
    'LD_PRELOAD',
    'LD_LIBRARY_PATH',
    'ld_audit',
    'DYLD_INSERT_LIBRARIES',
    'NODE_OPTIONS',
    'NODE_PATH',
    'PYTHONPATH',
    'PYTHONSTARTUP',
    'PERL5OPT',
    'RUBYOPT',
    'JAVA_TOOL_OPTIONS',
    'BASH_ENV',
    'ENV',
    'BASH_FUNC_ls',
    'GIT_SSH_COMMAND',
    'GCONV_PATH',
    'GLIBC_TUNABLES',
    'DOTNET_STARTUP_HOOKS',
    'npm_config_script_shell',
    'PATH',
    'HOME',
    'TOOL_GATEWAY_PROCESS',
  ])('no document sets %s', (name) => {
    expect(problems({ command: '/opt/tools/server', env: { [name]: 'x' } }, LISTED)).toEqual([
      `env.${name}: this variable can make a program run other code, which the setting STDIO_SERVERS does not allow`,
    ])
  })
})

test('where programs are off none may be started, and servers over HTTP are not concerned', () => {
  const off: LaunchPolicy = { ...LISTED, servers: 'off' }
  expect(problems({ command: '/opt/tools/server' }, off)).toEqual([
    'transport: programs are not started here (setting STDIO_SERVERS)',
  ])
  expect(launchProblems(definitionOf({ transport: 'http', url: 'https://a.example/mcp' }), off)).toEqual([])
})

test('in the embedded mode everything may be started, as people write it for themselves', () => {
  const fields = { command: 'python', cwd: '/srv', env: { PYTHONPATH: '/srv/lib', PATH: '/usr/bin' } }
  expect(problems(fields, EVERY_PROGRAM)).toEqual([])
})

test('a sandbox that is required cannot be opened by a document', () => {
  const required: LaunchPolicy = { ...EVERY_PROGRAM, needsSandbox: true }
  expect(problems({ command: 'x', sandbox: { network: true } }, required)).toEqual([])
  expect(problems({ command: 'x', sandbox: { readable: ['/data'], writable: ['/'] } }, required)).toEqual([
    'sandbox.readable: no further folders are allowed where the setting STDIO_SANDBOX is `required`',
    'sandbox.writable: no further folders are allowed where the setting STDIO_SANDBOX is `required`',
  ])
})
