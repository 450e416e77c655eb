import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { run } from '../../../src/cli/program.ts'
import type { CommandResult } from '../../support/command-line.ts'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { readAs } from '../../support/client-parsers.ts'
import { openTestApp } from '../../support/test-app.ts'

let home: string

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'tool-gateway-home-'))
})

afterEach(() => rm(home, { recursive: true }))

async function tg(...argv: string[]): Promise<CommandResult> {
  let out = ''
  let err = ''
  const code = await run(argv, {
    env: { HOME: home, DATA_DIR: join(home, 'data'), PORT: '8080' },
    print: (text) => void (out += text),
    printError: (text) => void (err += text),
  })
  return { code, out, err }
}

async function put(path: string, text: string): Promise<string> {
  const file = join(home, path)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, text)
  return file
}

test('client config prints what a client reads, and where', async () => {
  const { code, out, err } = await tg('client', 'config', 'cursor')
  expect(code).toBe(0)
  expect(readAs('cursor', out)).toMatchObject({
    mcpServers: { gateway: { url: 'http://127.0.0.1:8080/mcp' } },
  })
  expect(err).toContain(join(home, '.cursor/mcp.json'))
})

test('client config writes the address alone where the gateway offers sign-in, and says which it wrote and why', async () => {
  let metadata = '{"authorization_servers":["https://issuer.example"]}'
  const gateway = createServer((_request, response) => void response.end(metadata)).listen(0, '127.0.0.1')
  await once(gateway, 'listening')
  const url = `http://127.0.0.1:${(gateway.address() as AddressInfo).port}`
  const config = async (client: string, ...more: string[]): Promise<[string, boolean]> => {
    const { out, err } = await tg('client', 'config', client, '--url', url, ...more)
    return [err.split('\n')[0] ?? '', out.includes('Authorization')]
  }
  expect(await config('cursor')).toEqual([
    `It has the address only, and Cursor signs you in, because ${url} offers that; --token writes a token.`,
    false,
  ])
  const bridged = 'It has the address only: tool-gateway connect signs you in.'
  expect(await config('claude-desktop')).toEqual([bridged, false])
  expect(await config('cursor', '--token', 'x')).toEqual(['The token stands in it, as --token says.', true])
  expect(await config('cline')).toEqual(['It is for a token, because Cline does not sign in.', false])
  metadata = '{}'
  expect(await config('cursor')).toEqual([`It is for a token, because ${url} offers no sign-in.`, true])
  const none = `It has no token, and ${url} offers no sign-in: give --token.`
  expect(await config('claude-desktop')).toEqual([none, false])
  gateway.close()
  gateway.closeAllConnections()
  expect(await config('cursor')).toEqual([
    `It is for a token, because ${url} does not answer whether it offers sign-in; --sign-in leaves it out.`,
    true,
  ])
  expect(await config('cursor', '--sign-in')).toEqual([
    'It has the address only, and Cursor signs you in, as --sign-in says.',
    false,
  ])
})

test('client config asks for a token only where none was given', async () => {
  const note = 'It fills in no variables: give --token'
  expect((await tg('client', 'config', 'cline')).err).toContain(note)
  expect((await tg('client', 'config', 'cline', '--token', 'x')).err).not.toContain(note)
})

test('what is written for a client that only starts programs connects it, without a token in the file by default', async () => {
  expect((await tg('client', 'config', 'claude-desktop')).out).not.toContain('Bearer')
  const app = await openTestApp({})
  const token = await app.token({ roles: ['reader'] })
  const { out } = await tg('client', 'config', 'claude-desktop', '--url', app.url, '--token', token)
  const { mcpServers } = readAs('claude-desktop', out) as {
    mcpServers: { gateway: { command: string; args: string[]; env: Record<string, string> } }
  }
  const client = new Client({ name: 'desktop', version: '1' })
  await client.connect(new StdioClientTransport(mcpServers.gateway))
  expect(client.getServerVersion()).toMatchObject({ name: 'tool-gateway' })
  await client.close()
  await app.close()
}, 60_000)

test('an unknown client is refused with the one that was meant', async () => {
  expect(await tg('client', 'config', 'curser')).toMatchObject({
    code: 64,
    err: expect.stringContaining('unknown client curser (did you mean cursor?)'),
  })
})

test('a dry run shows the difference and writes nothing; --write keeps a copy', async () => {
  const before = '{\n  "mcpServers": {\n    "mine": { "command": "x" }\n  }\n}\n'
  const file = await put('.cursor/mcp.json', before)
  const dry = await tg('client', 'config', 'cursor', '--server', 'files', '--dry-run')
  expect(dry.code).toBe(1)
  expect(dry.out).toContain('+')
  expect(dry.out).toContain('http://127.0.0.1:8080/mcp/files')
  expect(await readFile(file, 'utf8')).toBe(before)

  expect((await tg('client', 'config', 'cursor', '--write')).code).toBe(64)
  expect((await tg('client', 'config', 'cursor', '--write', '--yes')).code).toBe(0)
  expect(readAs('cursor', await readFile(file, 'utf8'))).toMatchObject({
    mcpServers: { mine: { command: 'x' }, gateway: { url: 'http://127.0.0.1:8080/mcp' } },
  })
  expect(await readFile(`${file}.backup`, 'utf8')).toBe(before)
  expect(await tg('client', 'config', 'cursor', '--write', '--yes')).toMatchObject({
    code: 0,
    out: `${file} has it already\n`,
  })
})

test('a file that does not exist yet is made for this user alone', async () => {
  await tg('client', 'config', 'codex', '--token', 'abc', '--write', '--yes')
  const file = join(home, '.codex/config.toml')
  expect(readAs('codex', await readFile(file, 'utf8'))).toMatchObject({
    mcp_servers: { gateway: { http_headers: { Authorization: 'Bearer abc' } } },
  })
  expect((await stat(file)).mode & 0o777).toBe(0o600)
})

test('client import takes over the servers of all clients here, and moves their secrets out', async () => {
  await put(
    '.cursor/mcp.json',
    '{"mcpServers": {"gh": {"command": "npx", "args": ["-y", "gh"], "env": {"GH_TOKEN": "hunter2", "MODE": "a"}}}}',
  )
  await put('.codex/config.toml', '[mcp_servers.docs]\nurl = "https://docs.example.com/mcp"\n')
  const secrets = join(home, 'secrets.yaml')
  const { code, err } = await tg(
    'client',
    'import',
    '--move-secrets',
    secrets,
    '--into',
    join(home, 'r.yaml'),
  )

  expect([code, err]).toEqual([0, expect.stringContaining('moved 1 secret into')])
  expect(parse(await readFile(join(home, 'r.yaml'), 'utf8'))).toMatchObject({
    servers: {
      gh: { command: 'npx', env: { GH_TOKEN: 'secret://local_gh_gh_token', MODE: 'a' } },
      docs: { url: 'https://docs.example.com/mcp' },
    },
  })
  expect(parse(await readFile(secrets, 'utf8'))).toEqual({ local_gh_gh_token: 'hunter2' })
  expect((await stat(secrets)).mode & 0o777).toBe(0o600)
})

test('client import says when there is nothing to take over', async () => {
  expect(await tg('client', 'import', 'windsurf')).toMatchObject({ code: 1 })
})

test('client list shows which files are here', async () => {
  await put('.cursor/mcp.json', '{}')
  const { out } = await tg('client', 'list')
  expect(out).toContain(`cursor\tCursor\tfound\t${join(home, '.cursor/mcp.json')}\n`)
  expect(out).toContain('windsurf\tWindsurf\t\t')
})
