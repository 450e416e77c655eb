import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { run } from '../../src/cli/program.ts'
import { everything, filesystem } from '../support/documents.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let folder: string
let token: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tool-gateway-cli-'))
  await writeFile(join(folder, 'note.txt'), 'a note')
  gateway = await startTestGateway({ everything, files: filesystem(folder) })
  token = await gateway.token({ roles: ['reader', 'operator'] })
})

afterAll(async () => {
  await gateway.close()
  await rm(folder, { recursive: true, force: true })
})

async function tg(
  argv: string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number; out: string; err: string }> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    env,
    print: (text) => {
      out += text
    },
    printError: (text) => {
      err += text
    },
  })
  return { code, out, err }
}

const address = (): string[] => ['--url', gateway.url, '--token', token]

describe('help', () => {
  test.each([
    [['--help'], /serve.*token.*tools.*servers.*config/s],
    [['token', '--help'], /--tenant.*--subject.*--roles.*--agent.*--ttl/s],
    [['tools', '--help'], /list.*call/s],
    [['tools', 'call', '--help'], /--args.*--url.*TOOL_GATEWAY_URL.*--token/s],
    [['servers', 'list', '--help'], /--json/],
    [['servers', '--help'], /list.*add.*install.*remove.*start.*stop.*restart.*logs.*inspect/s],
    [
      ['servers', 'install', '--help'],
      /--name.*--roles.*--env.*INSTALL_ALLOWLIST.*Exit codes: 0 the server is ready/s,
    ],
    [['servers', 'restart', '--help'], /--no-wait.*--json.*Exit codes: 0 done; 1 refused/s],
    [['servers', 'logs', '--help'], /--lines.*--follow.*--json/s],
    [['servers', 'inspect', '--help'], /--messages.*--json.*Exit codes: 0 it works; 1 it does not/s],
    [['servers', 'remove', '--help'], /--yes/],
    [['servers', 'add', '--help'], /--endpoint.*--package.*--command.*--env.*--header/s],
    [['caches', '--help'], /list.*clear/s],
    [['config', 'check', '--help'], /exits with 78/],
  ])('%j tells what is possible', async (argv, expected) => {
    const { code, out } = await tg(argv)
    expect(code).toBe(0)
    expect(out).toMatch(expected)
  })

  test('the version is that of the package', async () => {
    expect(await tg(['--version'])).toMatchObject({ code: 0, out: '0.1.0\n' })
  })
})

describe('token', () => {
  test('prints the token alone, with everything that was asked for', async () => {
    const argv =
      'token --tenant acme --subject bob --roles a,b --scopes x:y --agent planner --agents p,q --ttl 90s'
    const { code, out } = await tg(argv.split(' '), { DATA_DIR: gateway.dataDir })
    const claims = decodeJwt(out.trim())
    expect([code, out.split('\n').length]).toEqual([0, 2])
    expect(claims).toMatchObject({
      iss: 'urn:tool-gateway:local',
      aud: 'urn:tool-gateway:local',
      sub: 'bob',
      tenant_id: 'acme',
      roles: ['a', 'b'],
      scope: 'x:y',
      agent: 'planner',
      agents: ['p', 'q'],
    })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(90)
  })

  test('is for the default tenant and an hour unless said otherwise', async () => {
    const { out } = await tg(['token'], { DATA_DIR: gateway.dataDir, DEFAULT_TENANT: 'home' })
    const claims = decodeJwt(out.trim())
    expect(claims).toMatchObject({ tenant_id: 'home', roles: [] })
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(3600)
  })

  test.each([
    [['token', '--ttl', 'soon'], 64, /expected for example 90s, 15m, 1h or 7d/],
    [['token', '--ttl', '31d'], 64, /30 days/],
    [['token', '--tenant', 'Not A Tenant'], 64, /tenant/],
  ])('%j is refused with what is expected', async (argv, exitCode, message) => {
    const { code, out, err } = await tg(argv, { DATA_DIR: gateway.dataDir })
    expect([code, out]).toEqual([exitCode, ''])
    expect(err).toMatch(message)
  })

  test('is not to be had where the local issuer is off', async () => {
    const { code, err } = await tg(['token'], {
      DATA_DIR: gateway.dataDir,
      LOCAL_ISSUER: 'off',
      OIDC_ISSUER: 'https://idp.example',
    })
    expect(code).toBe(78)
    expect(err).toMatch(/local issuer is off/)
  })
})

describe('without a token, on the machine of the gateway', () => {
  test('one is made with the key in its data directory, and --verbose says so', async () => {
    const env = { DATA_DIR: gateway.dataDir, TOOL_GATEWAY_URL: gateway.url, DEFAULT_TENANT: 'local' }
    const { code, out, err } = await tg(['servers', 'list', '--verbose'], env)
    expect(code).toBe(0)
    expect(out).toMatch(/^everything\tready/m)
    expect(err).toBe(
      `asking ${gateway.url} with a token created here (roles reader, operator, auditor, platform-admin) with the key ${gateway.dataDir}/local-issuer-key.json\n`,
    )
    expect((await tg(['servers', 'list'], env)).err).toBe('')
  })

  test('none is made without such a key, and nothing is written; the error says where it was looked for', async () => {
    const dir = join(folder, 'elsewhere')
    const { code, err } = await tg(['tools', 'list', '--url', gateway.url], { DATA_DIR: dir })
    expect(code).toBe(77)
    expect(err).toContain(`no gateway key was found in ${dir}; set DATA_DIR`)
    await expect(stat(dir)).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('one of another data directory is refused with what to set', async () => {
    const dir = join(folder, 'another')
    const made = await tg(['token'], { DATA_DIR: dir })
    expect(made.err).toBe(
      `note: no signing key was found in ${dir}, so a new one was created. Only a gateway with this DATA_DIR accepts the token.\n`,
    )
    expect((await tg(['token'], { DATA_DIR: dir })).err).toBe('')
    const { code, err } = await tg(['tools', 'list', '--url', gateway.url], { DATA_DIR: dir })
    expect(code).toBe(77)
    expect(err).toMatch(
      /created here with the key .*another.*, which is not the key of this gateway: set DATA_DIR/,
    )
  })

  test('a token that was given goes first', async () => {
    const env = { DATA_DIR: gateway.dataDir, TOOL_GATEWAY_URL: gateway.url }
    expect(await tg(['servers', 'list', '--token', 'x'], env)).toMatchObject({ code: 77 })
  })
})

describe('tools', () => {
  test('list shows names and descriptions, and every page', async () => {
    const { code, out } = await tg(['tools', 'list', ...address()])
    expect(code).toBe(0)
    expect(out).toMatch(/^everything_get-sum\tReturns the sum of two numbers$/m)
    expect(out).toMatch(/^files_read_text_file\t\S/m)
  })

  test('list can be narrowed, and printed as JSON', async () => {
    const { out } = await tg([
      'tools',
      'list',
      '--server',
      'everything',
      '--query',
      'sum',
      '--json',
      ...address(),
    ])
    expect((JSON.parse(out) as { id: string }[]).map(({ id }) => id)).toEqual(['everything_get-sum'])
  })

  test('call prints what the tool says', async () => {
    const args = JSON.stringify({ path: join(folder, 'note.txt') })
    expect(await tg(['tools', 'call', 'files_read_text_file', '--args', args, ...address()])).toEqual({
      code: 0,
      out: 'a note\n',
      err: '',
    })
    const { out } = await tg([
      'tools',
      'call',
      'everything_get-sum',
      '--args',
      '{"a":1,"b":2}',
      '--json',
      ...address(),
    ])
    expect(JSON.parse(out)).toEqual({
      content: [{ type: 'text', text: 'The sum of 1 and 2 is 3.' }],
      isError: false,
    })
  })

  test('call exits with 1 when the tool says that it failed, and prints what it says', async () => {
    const args = JSON.stringify({ path: join(folder, 'nothing.txt') })
    const { code, out, err } = await tg([
      'tools',
      'call',
      'files_read_text_file',
      '--args',
      args,
      ...address(),
    ])
    expect([code, err]).toEqual([1, 'tool-gateway: files_read_text_file reported an error\n'])
    expect(out).toMatch(/ENOENT/)
  })

  test.each([
    ['an unknown tool', ['tools', 'call', 'nosuch'], 1, /tool_not_found: Unknown tool: nosuch/],
    [
      'arguments that do not fit',
      ['tools', 'call', 'everything_get-sum', '--args', '{}'],
      1,
      /invalid_arguments/,
    ],
    [
      'arguments that are no JSON object',
      ['tools', 'call', 'everything_echo', '--args', '[1]'],
      64,
      /JSON object/,
    ],
    ['an unknown command', ['tools', 'frobnicate'], 64, /unknown command/],
    ['an unknown option', ['tools', 'list', '--frob'], 64, /unknown option/],
  ])('%s is said plainly', async (_what, argv, exitCode, message) => {
    const { code, err } = await tg([...argv, ...(exitCode === 1 ? address() : [])])
    expect(code).toBe(exitCode)
    expect(err).toMatch(message)
  })
})

test('servers list shows the state of every server', async () => {
  const { code, out } = await tg(['servers', 'list', ...address()])
  expect(code).toBe(0)
  expect(out).toMatch(/^everything\tready\t\d+ tools\treader\t[\d-]+T[\d:]+Z\t$/m)
  const { out: json } = await tg(['servers', 'list', '--json'], {
    TOOL_GATEWAY_URL: gateway.url,
    TOOL_GATEWAY_TOKEN: token,
  })
  expect(JSON.parse(json)).toMatchObject({
    servers: [{ name: 'everything' }, { name: 'files' }],
    quarantined: [],
  })
})

test.each([
  ['no token', ['tools', 'list'], /missing_token.*Give a token with --token/s],
  ['a bad token', ['tools', 'list', '--token', 'x'], /invalid_token/],
])('%s ends with 77 and a hint', async (_what, argv, message) => {
  const { code, err } = await tg([...argv, '--url', gateway.url])
  expect(code).toBe(77)
  expect(err).toMatch(message)
})

test('a role that is missing ends with 77', async () => {
  const { code, err } = await tg(['servers', 'list', '--url', gateway.url, '--token', await gateway.token()])
  expect(code).toBe(77)
  expect(err).toMatch(/needs the role operator/)
})

test('no gateway at the address ends with 2 and says how to start one', async () => {
  const { code, err } = await tg(['tools', 'list', '--url', 'http://127.0.0.1:1', '--token', token])
  expect(code).toBe(2)
  expect(err).toMatch(/no gateway answers at http:\/\/127.0.0.1:1 .*npm start/)
})

describe('caches', () => {
  test('list shows the figures of each cache, clear says what it forgot', async () => {
    const listed = await tg(['caches', 'list', ...address()])
    expect(listed).toMatchObject({ code: 0, err: '' })
    expect(listed.out).toBe(
      'enhancements\t0 entries\t0 bytes\t0 hits\t0 misses\t0 evictions\n' +
        'results\t0 entries\t0 bytes\t0 hits\t0 misses\t0 evictions\n',
    )
    const cleared = await tg(['caches', 'clear', '--cache', 'results', ...address()])
    expect(cleared).toEqual({ code: 0, out: 'results\t0 entries cleared\n', err: '' })
  })

  test('clear refuses those of all tenants to who may not, with exit code 77', async () => {
    const { code, err } = await tg(['caches', 'clear', '--tenant', '*', ...address()])
    expect([code, err]).toEqual([
      77,
      'tool-gateway: forbidden: Seeing or clearing the caches of all tenants needs the role platform-admin\n' +
        'The token has the roles reader, operator. Make one that has it: tool-gateway token --roles reader,operator,platform-admin\n',
    ])
  })
})
