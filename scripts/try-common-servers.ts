/**
 * Installs common servers of npm into a gateway with a data directory of its own, and calls a tool of each; with
 * Playwright's browser two sessions each look at a page of their own. Needs the network, git, and for the browser a
 * Chromium. `node scripts/try-common-servers.ts [path of Chromium]`
 */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LocalIssuer } from '../src/identity/local-issuer.ts'
import { systemClock } from '../src/domain/clock.ts'
import { eventually } from '../test/support/eventually.ts'
import { spawnGateway } from '../test/support/gateway-process.ts'
import { descendantsOf, isAlive } from '../test/support/process-tree.ts'
import { legacyClient, type RawClient } from '../test/support/raw-mcp.ts'

interface Trial {
  readonly name: string
  readonly package: string
  readonly document?: Record<string, unknown>
  readonly tool: string
  readonly arguments: Record<string, unknown>
  /** What the answer has to contain. */
  readonly expected: string
}

const chromium = process.argv[2] ?? '/usr/bin/chromium'
const folder = await mkdtemp(join(tmpdir(), 'tool-gateway-trial-'))
const files = join(folder, 'files')
const repository = join(folder, 'repository')
await mkdir(files)
await writeFile(join(files, 'note.txt'), 'a note on disk\n')
await mkdir(repository)
git('init', '--quiet')
git(
  '-c',
  'user.name=Ann',
  '-c',
  'user.email=ann@example.com',
  'commit',
  '--quiet',
  '--allow-empty',
  '-m',
  'A start',
)

const TRIALS: readonly Trial[] = [
  {
    name: 'filesystem',
    package: '@modelcontextprotocol/server-filesystem',
    document: { args: [files] },
    tool: 'read_text_file',
    arguments: { path: join(files, 'note.txt') },
    expected: 'a note on disk',
  },
  {
    name: 'memory',
    package: '@modelcontextprotocol/server-memory',
    document: { env: { MEMORY_FILE_PATH: join(folder, 'memory.jsonl') } },
    tool: 'create_entities',
    arguments: { entities: [{ name: 'Ann', entityType: 'person', observations: ['likes tea'] }] },
    expected: 'likes tea',
  },
  {
    name: 'everything',
    package: '@modelcontextprotocol/server-everything',
    document: { args: ['stdio'] },
    tool: 'echo',
    arguments: { message: 'hello' },
    expected: 'Echo: hello',
  },
  {
    name: 'thinking',
    package: '@modelcontextprotocol/server-sequential-thinking',
    tool: 'sequentialthinking',
    arguments: { thought: 'One.', nextThoughtNeeded: false, thoughtNumber: 1, totalThoughts: 1 },
    expected: '"thoughtHistoryLength": 1',
  },
  {
    name: 'git',
    package: '@cyanheads/git-mcp-server',
    document: { env: { MCP_TRANSPORT_TYPE: 'stdio', GIT_BASE_DIR: folder } },
    tool: 'git_log',
    arguments: { path: repository },
    expected: 'A start',
  },
]

const dataDir = join(folder, 'data')
await mkdir(dataDir, { mode: 0o700 })
await writeFile(join(dataDir, 'registry.yaml'), 'servers: {}\n')
const issuer = await LocalIssuer.open({ dir: dataDir, clock: systemClock })
const roles = ['operator', 'platform-admin']
const token = await issuer.issue({ tenantId: 'local', subject: 'trial', roles, ttlMs: 3_600_000 })
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
const gateway = await spawnGateway({
  DATA_DIR: dataDir,
  INSTALL_ALLOWLIST: '@modelcontextprotocol/*,@cyanheads/git-mcp-server,@playwright/mcp',
})
const pages = createServer((request, response) => {
  response.setHeader('content-type', 'text/html')
  response.end(`<title>${request.url}</title><h1>This is ${request.url}</h1>`)
}).listen(0, '127.0.0.1')

try {
  const url = await gateway.url()
  for (const trial of TRIALS) await report(trial.name, () => tryServer(url, trial))
  if (existsSync(chromium)) await report('browser', () => tryBrowser(url))
  else say(`browser: left out, there is no ${chromium}`)
} finally {
  gateway.child.kill('SIGTERM')
  await gateway.exited
  await gateway.remove()
  pages.close()
  await rm(folder, { recursive: true, force: true })
}

async function report(name: string, trial: () => Promise<string>): Promise<void> {
  try {
    say(`${name}: ${await trial()}`)
  } catch (error) {
    say(`${name}: FAILED: ${String(error)}`)
    process.exitCode = 1
  }
}

async function tryServer(url: string, trial: Trial): Promise<string> {
  const installed = await install(url, trial.name, trial.package, trial.document)
  const answer = await ask(url, 'POST', `/v1/tools/${trial.name}_${trial.tool}`, {
    arguments: trial.arguments,
  })
  if (answer['isError'] !== false || !texts(answer).includes(trial.expected))
    throw new Error(`${trial.tool} answered ${JSON.stringify(answer)}`)
  return `${installed}; ${trial.tool} answers as it should`
}

/** Two sessions, each with a browser of its own, which ends with the session. */
async function tryBrowser(url: string): Promise<string> {
  const address = pages.address()
  const site = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  const installed = await install(url, 'browser', '@playwright/mcp', {
    args: ['--headless', '--isolated', '--no-sandbox', '--executable-path', chromium],
    cwd: folder,
    sharing: 'session',
  })
  const [first, second] = [await legacyClient(url, token), await legacyClient(url, token)]
  const before = browsers()
  await tool(first, 'browser_navigate', { url: `${site}/first` })
  const ofFirst = browsers().filter((pid) => !before.includes(pid))
  await tool(second, 'browser_navigate', { url: `${site}/second` })
  const ofSecond = browsers().filter((pid) => !before.includes(pid) && !ofFirst.includes(pid))
  const [one, other] = [await tool(first, 'browser_snapshot'), await tool(second, 'browser_snapshot')]
  if (!one.includes('This is /first') || one.includes('/second')) throw new Error(`the first one sees ${one}`)
  if (!other.includes('This is /second') || other.includes('/first'))
    throw new Error(`the second one sees ${other}`)
  if (ofFirst.length === 0 || ofSecond.length === 0) throw new Error('a session has no browser of its own')

  await end(url, first)
  await eventually(() => !ofFirst.some(isAlive), {
    timeoutMs: 20_000,
    what: 'the end of the browser of the session that has ended',
  })
  if (!(await tool(second, 'browser_snapshot')).includes('This is /second'))
    throw new Error('the second session lost its page with the first one')
  await end(url, second)
  await eventually(() => !ofSecond.some(isAlive), {
    timeoutMs: 20_000,
    what: 'the end of the other browser',
  })
  return `${installed}; two sessions, two browsers (${ofFirst.length} and ${ofSecond.length} processes), each with its own page; each browser ended with its session`
}

async function tool(client: RawClient, name: string, args: Record<string, unknown> = {}): Promise<string> {
  const { message } = await client.request('tools/call', { name: `browser_${name}`, arguments: args })
  const { result } = message
  if (result === undefined || result['isError'] === true)
    throw new Error(`${name} answered ${JSON.stringify(message)}`)
  return texts(result)
}

async function end(url: string, { sessionId }: RawClient): Promise<void> {
  const session = { ...headers, 'mcp-session-id': sessionId ?? '' }
  await fetch(`${url}/mcp`, { method: 'DELETE', headers: session })
}

async function install(
  url: string,
  name: string,
  packageName: string,
  document: Record<string, unknown> = {},
): Promise<string> {
  const answer = await ask(url, 'POST', '/v1/servers/install', { package: packageName, name, document })
  if (answer['state'] !== 'ready') throw new Error(`it is not ready: ${JSON.stringify(answer)}`)
  return `${packageName}@${String(answer['version'])}, ${String(answer['tools'])} tools`
}

async function ask(
  url: string,
  method: string,
  path: string,
  body: Record<string, unknown>,
): Promise<Record<string, unknown>> {
  const response = await fetch(url + path, { method, headers, body: JSON.stringify(body) })
  const answer = (await response.json()) as Record<string, unknown>
  if (!response.ok) throw new Error(`${path} answered ${JSON.stringify(answer)}`)
  return answer
}

function texts(result: Record<string, unknown>): string {
  const content = result['content'] as { text?: string }[]
  return content.map(({ text = '' }) => text).join('\n')
}

/** Processes of Chromium that descend from the gateway. */
function browsers(): number[] {
  return descendantsOf(gateway.child.pid ?? 0).filter((pid) => {
    try {
      return /chrom/i.test(readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0] ?? '')
    } catch {
      return false
    }
  })
}

function git(...args: string[]): void {
  execFileSync('git', args, { cwd: repository })
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
