import type { JsonObject } from '../../src/domain/json/json.ts'
import { isHttp, type ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import type { Pool } from '../../src/upstream/pool/pool.ts'
import type { UpstreamsOptions } from '../../src/upstream/upstreams.ts'
import type { Attempt, FakeConnection } from './fake-connection.ts'
import { toolServer } from './fake-connection.ts'
import { KEY, processServer, server, type World, world } from './world.ts'

/** A server with an endpoint for each of the names. */
export function fleetServer(
  names: readonly string[] = ['a', 'b', 'c'],
  fields: Record<string, unknown> = {},
): ServerDefinition {
  return server({ url: undefined, instances: names.map((name) => ({ url: urlOf(name) })), ...fields })
}

export function urlOf(name: string): string {
  return `http://${name}.example/mcp`
}

/** The name of the endpoint that an attempt is made at. */
function nameOf({ server: definition }: Attempt): string {
  const url = isHttp(definition) ? definition.url : undefined
  return url === undefined ? 'process' : (new URL(url).hostname.split('.')[0] ?? '')
}

/** A connection whose answers say where they come from. */
function signed(name: string): FakeConnection {
  const connection = toolServer('tool')
  connection.answers['tools/call'] = () => ({ content: [], name })
  return connection
}

/** A world whose instances open when they are told to, and can be told apart. */
export class Fleet {
  readonly world: World
  readonly definition: ServerDefinition
  /** The latest connection of each endpoint by its name; of processes, by `1`, `2`… in the order of their starts. */
  readonly connections = new Map<string, FakeConnection>()
  readonly #names = new Map<string, Attempt>()
  #opened = 0

  constructor(definition: ServerDefinition = fleetServer(), options: Partial<UpstreamsOptions> = {}) {
    this.world = world(options)
    this.definition = definition
    this.world.upstreams.start(definition)
  }

  get pool(): Pool {
    return this.world.upstreams.poolFor(this.definition, '')
  }

  /** Starts under way. */
  get opening(): readonly Attempt[] {
    return this.world.servers.attempts.slice(this.#opened)
  }

  /** Opens what is being opened. Resolves with the names. */
  async open(): Promise<string[]> {
    const names = this.opening.map((attempt) => {
      const name = nameOf(attempt) === 'process' ? String(this.connections.size + 1) : nameOf(attempt)
      this.connections.set(name, attempt.succeed(signed(name)))
      this.#names.set(name, attempt)
      return name
    })
    this.#opened += names.length
    await this.world.clock.advance(0)
    return names
  }

  /** Fails what is being opened. */
  async fail(reason = 'it cannot be reached'): Promise<void> {
    for (const attempt of this.opening) attempt.fail(reason)
    this.#opened = this.world.servers.attempts.length
    await this.world.clock.advance(0)
  }

  connection(name: string): FakeConnection {
    const connection = this.connections.get(name)
    if (connection === undefined) throw new Error(`${name} was never opened`)
    return connection
  }

  /** Ends the latest connection of an instance. */
  async lose(name: string, cause?: 'session'): Promise<void> {
    this.#names.get(name)?.events.onLost('it ended', cause)
    await this.world.clock.advance(0)
  }

  attempt(name: string): Attempt {
    const attempt = this.#names.get(name)
    if (attempt === undefined) throw new Error(`${name} was never opened`)
    return attempt
  }

  async advance(ms: number): Promise<void> {
    await this.world.clock.advance(ms)
  }

  /** Which instance answers a call. */
  async call(options: { stickyKey?: string; pool?: Pool } = {}): Promise<string> {
    const { pool = this.pool, ...rest } = options
    const answer = await pool.run(
      (connection) => connection.request('tools/call', undefined, { signal: undefined, timeoutMs: 1000 }),
      { signal: undefined, deadlineAt: this.world.clock.monotonic() + 60_000, ...rest },
    )
    return String(answer['name'])
  }

  /** How many of `count` calls, one after the other, each instance answers. */
  async shares(count: number): Promise<Record<string, number>> {
    const answered: Record<string, number> = {}
    for (let turn = 0; turn < count; turn += 1) {
      const name = await this.call()
      answered[name] = (answered[name] ?? 0) + 1
    }
    return answered
  }

  /** Makes an instance keep its calls until the returned function answers them all. */
  hold(name: string): () => void {
    const gate = Promise.withResolvers<JsonObject>()
    this.connection(name).answers['tools/call'] = () => gate.promise
    return () => gate.resolve({ content: [], name })
  }

  /** State of each instance, in the order that they were made. */
  get states(): string[] {
    return (this.world.upstreams.status(KEY)?.instances ?? []).map(({ state }) => state)
  }
}

/** A fleet of endpoints that are all ready. */
export async function readyFleet(
  names: readonly string[] = ['a', 'b', 'c'],
  fields: Record<string, unknown> = {},
  options: Partial<UpstreamsOptions> = {},
): Promise<Fleet> {
  const fleet = new Fleet(fleetServer(names, fields), options)
  await fleet.open()
  return fleet
}

/** A fleet of processes; the first of them, or as many as it begins with, are ready. */
export async function processFleet(
  fields: Record<string, unknown> = {},
  options: Partial<UpstreamsOptions> = {},
): Promise<Fleet> {
  const fleet = new Fleet(processServer(fields), options)
  await fleet.open()
  return fleet
}

/** What a promise rejects with. */
export function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.catch((error: unknown) => error)
}
