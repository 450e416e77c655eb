import type { JsonObject } from '../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import type { Connection } from '../../src/upstream/connection/connection.ts'
import type { Pool } from '../../src/upstream/pool/pool.ts'
import { Upstreams, type UpstreamsOptions } from '../../src/upstream/upstreams.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { definitionOf } from '../support/server-definitions.ts'
import { silentLogger } from '../support/silent-logger.ts'
import { type FakeConnection, FakeServers, toolServer } from './fake-connection.ts'

export const KEY = 'acme/sample'

/** A server whose document grants nothing of its clients, unless told otherwise: it is connected once. */
export function server(fields: Record<string, unknown> = {}): ServerDefinition {
  return definitionOf({
    transport: 'streamable-http',
    url: 'http://127.0.0.1:1/',
    clientCapabilities: [],
    ...fields,
  })
}

/** The same server as a process. */
export function processServer(fields: Record<string, unknown> = {}): ServerDefinition {
  return definitionOf({ transport: 'stdio', command: 'x', clientCapabilities: [], ...fields })
}

export interface World {
  readonly clock: FakeClock
  readonly servers: FakeServers
  readonly upstreams: Upstreams
  /** Names of the tools of each offer of each server. */
  readonly offers: string[]
  readonly states: string[]
}

export function world(options: Partial<UpstreamsOptions> = {}): World {
  const clock = new FakeClock()
  const servers = new FakeServers()
  const offers: string[] = []
  const states: string[] = []
  const upstreams = new Upstreams({
    connect: servers.connect,
    clock,
    random: () => 0.5,
    logger: silentLogger,
    connectTimeoutMs: 10_000,
    drainTimeoutMs: 5000,
    onOffer: (key, { tools }) => offers.push(`${key}: ${tools.map(({ name }) => name).join()}`),
    onState: (key, { state, reason }) =>
      states.push(`${key}: ${state}${reason === undefined ? '' : ` (${reason})`}`),
    ...options,
  })
  return { clock, servers, upstreams, offers, states }
}

/** A world with one server that is ready. */
export async function readyWorld(
  fields: Record<string, unknown> = {},
): Promise<World & { connection: FakeConnection }> {
  const made = world()
  made.upstreams.start(server(fields))
  const connection = made.servers.last.succeed(toolServer('a'))
  await made.clock.advance(0)
  return { ...made, connection }
}

export function call(
  pool: Pool,
  { clock }: World,
  options: { ms?: number; signal?: AbortSignal } = {},
): Promise<JsonObject> {
  return pool.run((connection) => request(connection), {
    signal: options.signal,
    deadlineAt: clock.monotonic() + (options.ms ?? 1000),
  })
}

function request(connection: Connection): Promise<JsonObject> {
  return connection.request('tools/call', { name: 'a' }, { signal: undefined, timeoutMs: 1000 })
}

export const UNAVAILABLE = {
  code: 'upstream_unavailable',
  message: 'Server sample is unavailable',
  facts: { server: 'sample', mayHaveExecuted: false },
}
