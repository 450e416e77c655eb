import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { run } from '../../../src/cli/program.ts'
import { type CommandResult, commandLine } from '../../support/command-line.ts'
import { everything } from '../../support/documents.ts'
import { eventually } from '../../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../../support/start-gateway.ts'

let gateway: TestGateway

beforeAll(async () => {
  gateway = await startTestGateway(
    { everything, broken: { transport: 'sse', url: 'http://127.0.0.1:1/' }, refused: { transport: 'sse' } },
    { wait: false },
  )
  await eventually(
    () => gateway.gateway.statuses().some(({ name, state }) => name === 'everything' && state === 'ready'),
    { what: 'everything' },
  )
})

afterAll(() => gateway.close())

async function tg(argv: string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    env: { DATA_DIR: gateway.dataDir, REGISTRY_FILE: join(gateway.dataDir, 'registry.json'), ...env },
    print: (text) => void (out += text),
    printError: (text) => void (err += text),
  })
  return { code, out, err }
}

describe('doctor', () => {
  test('says what is wrong with registry and servers, what is right, and what to do', async () => {
    const { code, out } = await tg(['doctor', '--url', gateway.url])
    expect(code).toBe(1)
    expect(out).toContain('ok\tsettings\tthey can be used\t\n')
    expect(out).toContain(`ok\tgateway\t${gateway.url} is ready\t\n`)
    expect(out).toContain('ok\tclock\tthis machine and the gateway agree\t\n')
    expect(out).toContain('ok\ttoken\tyou of local with reader, operator, auditor, platform-admin\t\n')
    expect(out).toMatch(/PROBLEM\tstore\t.*refused: url/)
    expect(out).toMatch(
      /PROBLEM\tservers\tbroken is (backing_off|starting|failed).*\tLook at it: tg servers inspect broken\n/,
    )
    expect(out).toMatch(/PROBLEM\tservers\trefused was refused: .*\tCorrect it: tg servers edit refused\n/)
  })

  test('says which settings are wrong, and that a name is almost one', async () => {
    const { code, out } = await tg(['doctor', '--url', gateway.url], { PORT: 'x', LOG_LEVL: 'info' })
    expect(code).toBe(1)
    expect(out).toMatch(/PROBLEM\tsettings\t.*PORT/)
    expect(out).toMatch(/warning\tsettings\t.*did you mean LOG_LEVEL/)
  })

  test('says that a given address does not answer, which is a problem of its own exit code, and asks about no port', async () => {
    const absent =
      'PROBLEM\tgateway\tnone answers at http://127.0.0.1:1\tStart it there, or correct --url or TOOL_GATEWAY_URL.\n'
    const elsewhere = 'http://127.0.0.1:1'
    for (const { code, out } of [
      await tg(['doctor', '--url', elsewhere]),
      await tg(['doctor'], { TOOL_GATEWAY_URL: elsewhere }),
    ]) {
      expect(code).toBe(2)
      expect(out).toContain(absent)
      expect(out).not.toMatch(/\tport\t/)
    }
  })

  test('says without an address whether a gateway could listen, and that an identity provider does not answer', async () => {
    const { code, out } = await tg(['doctor'], {
      PORT: '1',
      OIDC_ISSUER: 'http://127.0.0.1:1',
      OIDC_TENANTS: 'local',
    })
    expect(code).toBe(1)
    expect(out).toMatch(
      /PROBLEM\tissuer\thttp:\/\/127\.0\.0\.1:1\/\.well-known\/openid-configuration does not answer/,
    )
    expect(out).toMatch(/\tport\t.*127\.0\.0\.1:1 /)
  })

  test('says that servers were not checked where the token is refused, or is none of an operator', async () => {
    const refused = await tg(['doctor', '--url', gateway.url, '--token', 'x'])
    expect(refused.out).toMatch(/PROBLEM\ttoken\t/)
    expect(refused.out).toMatch(/warning\tservers\tnot checked: \w+: .*\tGive the token of an operator\.\n/)
    const reader = await tg(['doctor', '--url', gateway.url, '--token', await gateway.token()])
    expect(reader.out).toMatch(/ok\ttoken\t/)
    expect(reader.out).toMatch(/warning\tservers\tnot checked: \w+: .*\tGive the token of an operator\.\n/)
  })
})

test('optimize names the largest definitions, and the edits that leave out what nobody used', async () => {
  const token = await gateway.token({ roles: ['reader', 'operator', 'auditor'] })
  const ask = commandLine(gateway.url, token)
  await ask('tools', 'call', 'everything_echo', 'message=x')
  const { code, out } = await ask('optimize')
  expect(code).toBe(0)
  expect(out).toMatch(/^\d+ tools take about \d+ tokens/)
  expect(out).toMatch(/\n {2}tg servers edit everything 'tools\.exclude=\[.*get-sum.*\]'\n/)
  expect(out).not.toMatch(/tools\.exclude=\[[^\]]*\becho\b/)
})

test('top shows servers with the calls of the last minute', async () => {
  const token = await gateway.token({ roles: ['operator', 'auditor'] })
  const { code, out } = await commandLine(gateway.url, token)('top', '--once')
  expect(code).toBe(0)
  expect(out).toMatch(/calls in the last minute, \d+ failed; \d+ sessions\n/)
  expect(out).toMatch(/\neverything\tready\t/)
})

test('completion completes commands and options in bash', async () => {
  const { out } = await tg(['completion', 'bash'])
  const complete = (...words: string[]): string[] =>
    execFileSync('bash', [
      '-c',
      `${out}\nCOMP_WORDS=(tg ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _tool_gateway; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ])
      .toString()
      .split('\n')
      .filter((word) => word !== '')
  expect(complete('acc')).toEqual(['access'])
  expect(complete('access', 'ex')).toEqual(['explain'])
  expect(complete('access', 'explain', '--to')).toEqual(['--tool', '--token-of', '--token'])
  expect(complete('servers', 'edit', 'name', '--dry')).toEqual(['--dry-run'])
  expect((await tg(['completion', 'fish'])).out).toContain(
    "complete -c tool-gateway -n '__fish_use_subcommand' -a access\n",
  )
})

test('init writes a registry that validate accepts, and changes none that exists', async () => {
  const file = join(gateway.dataDir, 'new', 'registry.yaml')
  expect(await tg(['init', file])).toMatchObject({ code: 0, out: `wrote ${file}\n` })
  expect(await readFile(file, 'utf8')).toMatch(/^# The registry/)
  expect(await tg(['validate', file])).toMatchObject({ code: 0 })
  expect(await tg(['init', file])).toMatchObject({ code: 1 })
})
