import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Offer } from '../../src/upstream/discovery/discovery.ts'
import { type Attempt, type FakeConnection, toolServer } from './fake-connection.ts'
import { processServer, server, type World, world } from './world.ts'

/** What the document of a server grants its clients here. */
export const GRANTED = { clientCapabilities: ['elicitation', 'sampling', 'roots'], catalogTtlMs: 60_000 }

export interface Seen extends World {
  readonly seen: Offer[]
}

/** A world with a server that is ready, and whose second connection, if it is made, waits for the test. */
export async function started(
  fields: Record<string, unknown> = GRANTED,
  first = toolServer('a'),
): Promise<Seen> {
  const seen: Offer[] = []
  const made = world({ onOffer: (_key, offer) => seen.push(offer) })
  made.upstreams.start('transport' in fields ? processServer(fields) : server(fields))
  made.servers.last.succeed(first)
  await made.clock.advance(0)
  return { ...made, seen }
}

/** A server that is asked as a client with capabilities. */
export async function shown(made: Seen, connection: FakeConnection): Promise<FakeConnection> {
  made.servers.last.succeed(connection)
  await made.clock.advance(0)
  return connection
}

export function names({ seen }: Seen): (string | undefined)[] {
  return seen.map(({ tools, needsClient }) =>
    tools.map(({ name }) => (needsClient.tools.has(name) ? `(${name})` : name)).join(' '),
  )
}

/** The capabilities that each connection declared. */
export function declared({ servers }: World): (JsonObject | undefined)[] {
  return servers.attempts.map(({ client }: Attempt) => client?.capabilities)
}
