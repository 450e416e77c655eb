import { once } from 'node:events'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import type { Documents } from './start-gateway.ts'
import { startOddServers } from './upstreams/odd-http.ts'
import { ODD_KINDS } from './upstreams/odd-kinds.ts'

const PROGRAM = join(import.meta.dirname, 'upstreams/raw-stdio.ts')
const ROLES = { requiredRoles: ['reader'] }

/** Servers that are each odd, broken or silent in another way. */
export interface OddRegistry {
  readonly documents: Documents
  /** By name, a part of what the operator reads of it. */
  readonly expected: ReadonlyMap<string, string>
  readonly close: () => Promise<void>
}

/** Starts what they need, on loopback. */
export async function startOddRegistry(): Promise<OddRegistry> {
  const odd = await startOddServers(
    Object.fromEntries(Object.entries(ODD_KINDS).map(([name, [its]]) => [name, its])),
  )
  const mute = createServer().listen(0, '127.0.0.1')
  await once(mute, 'listening')
  const gone = createServer().listen(0, '127.0.0.1')
  await once(gone, 'listening')
  const [muteUrl, goneUrl] = [addressOf(mute), addressOf(gone)]
  gone.close()
  const kinds = [...overHttp(odd.urlOf), ...ofAddresses(muteUrl, goneUrl), ...ofPrograms()]
  return {
    documents: Object.fromEntries(kinds.map(([name, document]) => [name, { ...document, ...ROLES }])),
    expected: new Map(kinds.map(([name, , text]) => [name, text])),
    close: async () => {
      mute.close()
      await odd.close()
    },
  }
}

function addressOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
}

type Kind = readonly [name: string, document: Record<string, unknown>, told: string]

function overHttp(urlOf: (name: string) => string): Kind[] {
  return Object.entries(ODD_KINDS).map(([name, [, told]]) => [
    name,
    { transport: 'streamable-http', url: urlOf(name) },
    told,
  ])
}

/** Addresses that are none, or where nobody or nothing answers. */
function ofAddresses(muteUrl: string, goneUrl: string): Kind[] {
  return [
    ['url-without-scheme', { url: 'example.com/mcp' }, 'url: '],
    ['url-empty', { url: '' }, 'url: '],
    ['url-without-host', { url: 'http://' }, 'url: '],
    ['url-bracket', { url: 'http://[::1' }, 'url: '],
    ['url-port', { url: 'http://127.0.0.1:99999/mcp' }, 'url: '],
    ['gone', { transport: 'streamable-http', url: goneUrl }, 'ECONNREFUSED'],
    ['port-of-others', { url: 'http://127.0.0.1:9/mcp' }, 'HTTP clients refuse its port'],
    ['mute', { transport: 'streamable-http', url: muteUrl }, 'did not open within'],
    ['mute-either', { transport: 'http', url: muteUrl }, 'did not open within'],
    ['mute-sse', { transport: 'sse', url: muteUrl }, 'did not open within'],
  ]
}

function ofPrograms(): Kind[] {
  const program = (mode: string): Record<string, unknown> => ({
    command: process.execPath,
    args: [PROGRAM, mode],
  })
  return [
    ['program-missing', { command: 'no-such-program' }, 'no-such-program was not found'],
    ['program-line', { command: 'node server.js' }, 'belongs into `args`'],
    ['program-crash', program('crash'), 'FATAL: no access'],
    ['program-silent', program('silent'), 'did not open within'],
  ]
}
