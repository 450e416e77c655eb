import { readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Client } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { Client as FirstClient } from '@modelcontextprotocol/sdk/client/index.js'
import { StdioClientTransport as FirstTransport } from '@modelcontextprotocol/sdk/client/stdio.js'
import { AuthorizationServer } from '../../support/authorization-server.ts'
import { BridgeProcess, bridgeCommand } from '../../support/bridge-process.ts'
import { clickingBrowser } from '../../support/clicking-browser.ts'
import { echoed } from '../../support/hostile-world.ts'
import { initialize } from '../../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../../support/start-gateway.ts'
import { temporaryDirectory } from '../../support/temporary-directory.ts'
import { type HttpUpstream, modernHttp } from '../../support/upstreams/sample-http.ts'

let authorization: AuthorizationServer
let upstream: HttpUpstream
let gateway: TestGateway
let home: Awaited<ReturnType<typeof temporaryDirectory>>
let browser: string
const running: BridgeProcess[] = []

beforeAll(async () => {
  authorization = await AuthorizationServer.start()
  upstream = await modernHttp()
  const server = { transport: 'streamable-http', url: upstream.url }
  gateway = await startTestGateway(
    { sample: { ...server, tools: { pid: { scopes: ['tools.more'] } } } },
    { env: { LOCAL_ISSUER: 'off', OIDC_ISSUER: authorization.url, OIDC_SCOPES: 'tools.echo' } },
  )
})

afterAll(async () => {
  await gateway.close()
  await upstream.close()
  await authorization[Symbol.asyncDispose]()
})

beforeEach(async () => {
  home = await temporaryDirectory()
  browser = await clickingBrowser(home.path)
  authorization.requests.length = 0
})

afterEach(async () => {
  for (const bridge of running.splice(0)) {
    bridge.kill('SIGTERM')
    await bridge.exitCode()
  }
  await home[Symbol.asyncDispose]()
})

const address = (): string => `${gateway.url}/mcp`
const command = (args: string[] = []): ReturnType<typeof bridgeCommand> =>
  bridgeCommand(address(), { home: home.path, browser, args: ['--sign-in-timeout', '30', ...args] })

function start(args?: string[]): BridgeProcess {
  const bridge = new BridgeProcess(command(args))
  running.push(bridge)
  return bridge
}

const CALL = { name: 'sample_echo', arguments: { from: 'a process' } }
const SIGN_INS = 'GET /auth'

describe('a client that only starts processes calls a tool, after its person pressed one button', () => {
  test('with SDK v1', async () => {
    const client = new FirstClient({ name: 'first', version: '1' })
    await client.connect(new FirstTransport({ ...command(), stderr: 'ignore' }))
    expect(echoed(await client.callTool(CALL))).toEqual({ from: 'a process' })
    await client.close()
    expect(authorization.countOf('POST /reg')).toBe(1)
  })

  test.each(['legacy', 'modern'] as const)('with SDK v2, %s', async (era) => {
    const mode = era === 'legacy' ? era : { pin: '2026-07-28' }
    const client = new Client({ name: 'second', version: '1' }, { versionNegotiation: { mode } })
    await client.connect(new StdioClientTransport({ ...command(), stderr: 'ignore' }))
    expect(client.getProtocolEra()).toBe(era)
    expect((await client.listTools()).tools.map(({ name }) => name)).toContain('sample_echo')
    expect(echoed(await client.callTool(CALL))).toEqual({ from: 'a process' })
    await client.close()
  })
})

async function opened(bridge: BridgeProcess): Promise<void> {
  bridge.send(initialize('hello'))
  await bridge.answerTo('hello')
  bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
}

async function stored(): Promise<{ path: string; text: string }> {
  const dir = join(home.path, '.config', 'tool-gateway', 'sign-ins')
  const name = (await readdir(dir)).find((each) => each.endsWith('.json')) ?? ''
  return { path: join(dir, name), text: await readFile(join(dir, name), 'utf8') }
}

describe('a sign-in', () => {
  test('is kept in a file that only its user may read, leaves no token in the output, is used at the next start and renewed without the person, once for several processes, and forgotten with --sign-out', async () => {
    const bridge = start()
    await opened(bridge)
    const { path, text } = await stored()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const before = JSON.parse(text) as { tokens: Record<string, unknown> }
    expect(before).toMatchObject({ server: address(), tokens: { refresh_token: expect.any(String) } })
    const output = bridge.errors + bridge.lines.join('\n')
    expect(bridge.errors).toMatch(
      /^tool-gateway: Sign in to 127\.0\.0\.1:\d+ in the browser that opens\. If none does, open this address:\n {2}http:\/\/127\.0\.0\.1:\d+\/auth\?\S+\ntool-gateway: Signed in to 127\.0\.0\.1:\d+\.\n$/,
    )
    for (const secret of [before.tokens['access_token'], before.tokens['refresh_token']])
      expect(output).not.toContain(String(secret).slice(0, 30))

    await opened(start())
    expect(authorization.countOf(SIGN_INS)).toBe(1)

    const expired = { ...before, tokens: { ...before.tokens, access_token: 'expired' } }
    await writeFile(path, JSON.stringify(expired))
    authorization.requests.length = 0
    await Promise.all([start(), start()].map(opened))
    expect([authorization.countOf('POST /token'), authorization.countOf(SIGN_INS)]).toEqual([1, 0])
    expect(JSON.parse((await stored()).text)).not.toMatchObject({
      tokens: { refresh_token: before.tokens['refresh_token'] },
    })

    expect(await start(['--sign-out']).exitCode()).toBe(0)
    await expect(stored()).rejects.toThrow('EISDIR')
  })

  test('is asked for again when a tool needs more scopes than were granted', async () => {
    const bridge = start(['--scope', 'tools.echo'])
    await opened(bridge)
    const answer = await bridge.request(1, 'tools/call', { name: 'sample_pid', arguments: {} })
    expect(answer).toMatchObject({ id: 1, result: { content: [{ type: 'text' }] } })
    expect(authorization.countOf(SIGN_INS)).toBe(2)
  })

  test('that fails is an error that a person understands', async () => {
    const bridge = new BridgeProcess(
      bridgeCommand(address(), { home: home.path, args: ['--sign-in-timeout', '1'] }),
    )
    running.push(bridge)
    bridge.send(initialize(1))
    expect(await bridge.answerTo(1)).toMatchObject({
      error: { code: -32000, message: 'The sign-in failed: no one signed in within 1 second' },
    })
  })

  test('goes on to its end when the client has gone, so that the next start needs none', async () => {
    const bridge = start()
    bridge.send(initialize(1))
    bridge.end()
    expect(await bridge.exitCode()).toBe(0)
    expect(JSON.parse((await stored()).text)).toHaveProperty('tokens')
  })
})
