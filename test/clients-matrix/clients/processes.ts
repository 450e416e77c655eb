import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BridgeProcess, bridgeCommand } from '../../support/bridge-process.ts'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { initialize } from '../../support/raw-mcp.ts'
import { VERSIONS } from '../installed.ts'
import { type MatrixClient, type Occasion, type Outcome, TEXT, TOOL } from '../matrix-client.ts'
import { textOf } from '../text-of.ts'

/** How long a client may take after the click on a machine that is busy, in milliseconds. */
const CLIENT_MS = 60_000
/** Where the browser of a client leaves the address, in the home of the client. */
const OPENED = 'opened'

/** Clients that stand between a program and the gateway: MCP over standard input and output. */
export const BRIDGES: readonly MatrixClient[] = [
  {
    name: 'mcp-remote',
    version: VERSIONS['mcp-remote'],
    connect: async (on) => {
      const script = join(on.installed, 'node_modules/mcp-remote/dist/proxy.js')
      return await throughBridge(on, [script, on.url, String(await freePort())])
    },
  },
  {
    name: '`tool-gateway connect`',
    version: '',
    connect: (on) => throughBridge(on, bridgeCommand(on.url, { home: on.home }).args),
  },
]

/** The command line of the Inspector. */
export const INSPECTOR_CLI: MatrixClient = {
  name: 'MCP Inspector, command line',
  version: VERSIONS['@modelcontextprotocol/inspector'],
  connect: async (on) => {
    const script = join(
      on.installed,
      'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js',
    )
    const callback = `http://127.0.0.1:${await freePort()}/oauth/callback`
    const target = `--cli --transport http --server-url ${on.url} --callback-url ${callback} --format json`
    const run = async (...method: string[]): Promise<BridgeProcess> =>
      new BridgeProcess({
        command: process.execPath,
        args: [script, ...target.split(' '), '--connect-timeout', String(CLIENT_MS), ...method],
        env: await environment(on.home),
      })
    const first = await run('--method', 'tools/list')
    const asked = await on.person.allow(await opened(first, on.home))
    await ended(first)
    const args = JSON.stringify({ text: TEXT })
    const second = await run('--method', 'tools/call', '--tool-name', TOOL, '--tool-args-json', args)
    await ended(second)
    const { result } = JSON.parse(second.lines.join('\n')) as { result: unknown }
    return { asked, answer: textOf(result) }
  },
}

async function throughBridge(on: Occasion, args: string[]): Promise<Outcome> {
  const bridge = new BridgeProcess({ command: process.execPath, args, env: await environment(on.home) })
  try {
    const initialized = bridge.request(1, 'initialize', initialize(1)['params'])
    const asked = await on.person.allow(await opened(bridge, on.home))
    await initialized
    bridge.send({ jsonrpc: '2.0', method: 'notifications/initialized' })
    await bridge.request(2, 'tools/list', {})
    const { result } = await bridge.request(3, 'tools/call', { name: TOOL, arguments: { text: TEXT } })
    return { asked, answer: textOf(result) }
  } finally {
    bridge.kill('SIGTERM')
    await bridge.exitCode()
  }
}

/** The address that a client opens a browser with. */
async function opened(client: BridgeProcess, home: string): Promise<string> {
  try {
    return await eventually(
      async () => (await readFile(join(home, OPENED), 'utf8').catch(() => '')).trim() || undefined,
      {
        what: 'an address for the browser',
      },
    )
  } catch (error) {
    throw new Error(`the client opened no browser: ${client.errors}`, { cause: error })
  }
}

async function ended(client: BridgeProcess): Promise<void> {
  const deadline = setTimeout(() => client.kill('SIGKILL'), CLIENT_MS)
  const code = await client.exitCode()
  clearTimeout(deadline)
  if (code !== 0) throw new Error(`the client ended with ${code}: ${client.errors}`)
}

/** A home to itself, and a browser that leaves the address to the person. */
async function environment(home: string): Promise<Record<string, string>> {
  const bin = join(home, 'bin')
  await mkdir(bin, { recursive: true })
  const browser = join(bin, 'xdg-open')
  const file = join(home, OPENED)
  await writeFile(browser, `#!/bin/sh\nprintf '%s\\n' "$1" > '${file}.next' && mv '${file}.next' '${file}'\n`)
  await chmod(browser, 0o755)
  return {
    PATH: `${bin}:${process.env['PATH'] ?? ''}`,
    HOME: home,
    BROWSER: browser,
    MCP_AUTO_OPEN_ENABLED: 'true',
    MCP_STORAGE_DIR: join(home, 'inspector'),
    MCP_INSPECTOR_OAUTH_STATE_PATH: join(home, 'inspector/oauth.json'),
    MCP_INSPECTOR_SECRET_STORE: 'file',
    MCP_REMOTE_CONFIG_DIR: join(home, 'mcp-remote'),
  }
}
