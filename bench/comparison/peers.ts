import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { endsWithUs } from '../../test/support/ends-with-us.ts'
import { eventually } from '../../test/support/eventually.ts'
import { isAnswer, openCaller } from '../load/caller.ts'
import type { Job, Way } from '../load/job.ts'
import { ended } from './programs.ts'
import { STDIO_SERVER, type System, type SystemKind } from './systems.ts'

/** How to start a program of others. */
interface Peer {
  readonly name: string
  readonly title: string
  readonly way: Way
  readonly path: string
  readonly tool: string
  /** The npm package that has it, with its version. Absent for a program of the machine. */
  readonly package?: string
  readonly args: (place: Place) => string[] | Promise<string[]>
}

interface Place {
  /** A folder of its own. */
  readonly folder: string
  readonly port: number
  readonly upstream: URL
}

const PEERS: readonly Peer[] = [
  {
    name: 'nginx',
    title: 'nginx as a proxy that forwards bytes, one process; no MCP; left out if it is not installed',
    way: 'modern',
    path: '/mcp',
    tool: 'echo',
    args: async ({ folder, port, upstream }) => {
      await writeFile(join(folder, 'nginx.conf'), nginxConfiguration(port, upstream))
      return ['-p', folder, '-c', 'nginx.conf', '-e', 'stderr']
    },
  },
  {
    name: 'mcp-proxy',
    title: 'mcp-proxy of npm: one stdio server without tenants, tokens, rules and records, 2026-07-28',
    package: 'mcp-proxy@6.7.19',
    way: 'modern',
    path: '/mcp',
    tool: 'echo',
    args: ({ port }) =>
      `--host 127.0.0.1 --port ${port} --upstreamProtocol auto -- ${process.execPath} ${STDIO_SERVER}`.split(
        ' ',
      ),
  },
  {
    name: 'supergateway',
    title: 'supergateway of npm: a process for each session, otherwise as mcp-proxy, sessions of 2025',
    package: 'supergateway@4.0.0',
    way: 'legacy',
    path: '/mcp',
    tool: 'echo',
    args: ({ port }) => [
      '--stdio',
      `${process.execPath} ${STDIO_SERVER}`,
      ...`--outputTransport streamableHttp --stateful --port ${port} --logLevel none`.split(' '),
    ],
  },
  {
    name: 'mcp-hub',
    title:
      'mcp-hub of npm: many servers without tenants, tokens, rules and records, HTTP+SSE to an HTTP server',
    package: 'mcp-hub@4.2.1',
    way: 'sse',
    path: '/mcp',
    tool: 'echo__echo',
    args: async ({ folder, port, upstream }) => {
      const config = join(folder, 'servers.json')
      await writeFile(config, JSON.stringify({ mcpServers: { echo: { url: upstream.href } } }))
      return ['--port', String(port), '--config', config]
    },
  },
]

/** Programs of others; each is left out where it cannot be installed or started. */
export const PEER_KINDS: readonly SystemKind[] = PEERS.map((peer) => ({
  name: peer.name,
  title: peer.title,
  isOptional: true,
  start: ({ upstream }) => started(peer, new URL(upstream.url)),
}))

async function started({ name, way, path, tool, args, ...peer }: Peer, upstream: URL): Promise<System> {
  const folder = await mkdtemp(join(tmpdir(), 'tool-gateway-bench-peer-'))
  const command = peer.package === undefined ? name : await installed(name, peer.package)
  const port = await freePort()
  const child = spawn(command, await args({ folder, port, upstream }), {
    env: { ...process.env, HOME: folder, XDG_STATE_HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: 'ignore',
  })
  endsWithUs(child)
  const failed = Promise.race([
    once(child, 'exit').then(() => Promise.reject(new Error('it ended'))),
    once(child, 'error').then(([error]) => Promise.reject(error as Error)),
  ])
  const close = async (): Promise<void> => {
    if (child.pid !== undefined) await ended(child)
    await rm(folder, { recursive: true, force: true })
  }
  const url = `http://127.0.0.1:${port}${path}`
  try {
    const job = { way, url, tool, tokens: [], callers: 1, calls: 1, warmUp: 0, bytes: 0, progress: 0 }
    await Promise.race([failed, eventually(() => answers(job), { intervalMs: 200, what: 'a right answer' })])
  } catch (error) {
    await close()
    throw error
  }
  return { name, pid: child.pid ?? 0, url, way, tool, tokens: [], close }
}

/** The path of a program of an npm package, which is installed once into a temporary folder. */
async function installed(name: string, version: string): Promise<string> {
  const folder = join(tmpdir(), 'tool-gateway-bench-peers', version)
  await mkdir(folder, { recursive: true })
  const options = ['--prefix', folder, '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline']
  await promisify(execFile)('npm', ['install', ...options, version])
  return join(folder, 'node_modules/.bin', name)
}

/** Whether it answers a call as it should: some listen before they have their servers. */
async function answers(job: Job): Promise<boolean> {
  const [message, signal] = ['ready-', AbortSignal.timeout(2000)]
  const late = once(signal, 'abort').then(() => Promise.reject(new Error('no answer')))
  try {
    const caller = await Promise.race([openCaller(job, 0), late])
    try {
      return isAnswer(await Promise.race([caller.call(message), late]), message, job)
    } finally {
      await caller.close()
    }
  } catch {
    return false
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  return typeof address === 'object' && address !== null ? address.port : 0
}

function nginxConfiguration(port: number, { host, pathname, search }: URL): string {
  return `daemon off;
master_process off;
pid nginx.pid;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path body;
  proxy_temp_path proxy;
  fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi;
  scgi_temp_path scgi;
  keepalive_requests 1000000;
  upstream echo { server ${host}; keepalive 256; keepalive_requests 1000000; }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://echo${pathname}${search};
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`
}
