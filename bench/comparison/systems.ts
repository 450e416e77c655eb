import { fileURLToPath } from 'node:url'
import type { Way } from '../load/job.ts'
import { startGateway } from './gateway.ts'
import { type Program, startProgram } from './programs.ts'

/** Something to call, running. */
export interface System extends Program {
  readonly name: string
  readonly way: Way
  /** The name of the echo tool there. */
  readonly tool: string
  readonly tokens: readonly string[]
}

/** What a system needs to start. */
interface Surroundings {
  /** The echo server over Streamable HTTP. */
  readonly upstream: Program
  readonly callers: number
}

/** A system that can be chosen. */
export interface SystemKind {
  readonly name: string
  /** What it is, for people. */
  readonly title: string
  /** Whether the others are measured without it where it does not start. */
  readonly isOptional?: boolean
  readonly start: (surroundings: Surroundings) => Promise<System>
}

/** The echo server as a program. */
export const STDIO_SERVER = fileURLToPath(new URL('../upstream/stdio.ts', import.meta.url))

/** What every other system is compared with. */
export const FLOOR = 'bare-proxy'

/** Always measured: what the calls cost without a gateway. */
export const REFERENCES: readonly SystemKind[] = [
  {
    name: 'direct',
    title: 'the echo server itself, client of 2026-07-28',
    start: ({ upstream }) =>
      Promise.resolve({ ...upstream, ...plain('direct'), close: () => Promise.resolve() }),
  },
  {
    name: FLOOR,
    title: 'a proxy on node:http that forwards bytes, client of 2026-07-28',
    start: async ({ upstream }) => ({
      ...(await startProgram('bare-proxy.ts', upstream.url)),
      ...plain(FLOOR),
    }),
  },
]

/** Where the gateway is called. */
const PATHS: Record<Way, string> = {
  modern: '/mcp',
  legacy: '/mcp',
  sse: '/sse',
  websocket: '/ws',
  rest: '/v1/tools',
}

/** The gateway, by how clients call it and what is behind it. */
export const GATEWAYS: readonly SystemKind[] = [
  gatewayKind('modern', 'the gateway, client of 2026-07-28', 'modern'),
  gatewayKind('legacy', 'the gateway, sessions of 2025-11-25', 'legacy'),
  gatewayKind('sse', 'the gateway, HTTP+SSE of 2024-11-05', 'sse'),
  gatewayKind('websocket', 'the gateway, WebSocket', 'websocket'),
  gatewayKind('rest', 'the gateway, REST', 'rest'),
  gatewayKind('stdio', 'the gateway in front of a stdio server, client of 2026-07-28', 'modern', {
    isStdio: true,
  }),
  gatewayKind('general', 'the gateway without its direct path, client of 2026-07-28', 'modern', {
    environment: { DIRECT_PATH: 'off' },
  }),
  gatewayKind('no-records', 'the gateway without usage records, client of 2026-07-28', 'modern', {
    environment: { NODE_OPTIONS: `--import ${new URL('without-records.ts', import.meta.url).href}` },
  }),
]

function gatewayKind(
  name: string,
  title: string,
  way: Way,
  {
    isStdio = false,
    environment = {},
  }: { readonly isStdio?: boolean; readonly environment?: Readonly<Record<string, string>> } = {},
): SystemKind {
  const start: SystemKind['start'] = async ({ upstream, callers }) => {
    const gateway = await startGateway({ echo: echoDocument(upstream.url, isStdio) }, environment)
    const subjects = Array.from({ length: callers }, (_, index) => `caller-${index}`)
    const tokens = await Promise.all(subjects.map((subject) => gateway.token(subject)))
    return { ...gateway, url: gateway.url + PATHS[way], name, way, tool: 'echo_echo', tokens }
  }
  return { name, title, start }
}

/** A server document with rules for the server and for the tool. */
function echoDocument(url: string, isStdio: boolean): Record<string, unknown> {
  const target = isStdio
    ? { transport: 'stdio', command: process.execPath, args: [STDIO_SERVER] }
    : { transport: 'streamable-http', url }
  const roles = { requiredRoles: ['reader', 'editor'] }
  return { ...target, ...roles, tools: { echo: roles, exclude: ['*_secret'] } }
}

function plain(name: string): Pick<System, 'name' | 'way' | 'tool' | 'tokens'> {
  return { name, way: 'modern', tool: 'echo', tokens: [] }
}
