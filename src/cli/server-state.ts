import { setTimeout } from 'node:timers/promises'
import type { JsonObject } from '../domain/json.ts'
import { CliError } from './cli-error.ts'
import { type CliContext, table } from './context.ts'
import { ask, type GatewayAddress } from './rest-client.ts'

const POLL_MS = 200
const WAIT_MS = 60_000
const SETTLED = new Set(['ready', 'failed', 'backing_off', 'stopped'])

/** The path of a server, of those for all tenants where that is asked for. */
export function pathOf(name: string, { tenant }: { tenant?: string }, action = ''): string {
  const query = tenant === undefined ? '' : `?tenantId=${encodeURIComponent(tenant)}`
  return `/v1/servers/${encodeURIComponent(name)}${action === '' ? '' : `/${action}`}${query}`
}

/** A server as one line: name, state, tools, and what there is to know about it. */
export function row(server: JsonObject): string[] {
  const tools = typeof server['tools'] === 'number' ? `${server['tools']} tools` : ''
  const notes = [server['reason'], server['problems'], server['warnings']]
    .flat()
    .filter((note) => typeof note === 'string')
  return [String(server['name']), String(server['state']), tools, notes.join('; ')]
}

/**
 * Waits until a server has started or has failed to, telling each state on the way.
 * @param first what is known of it already
 */
export async function settled(
  address: GatewayAddress,
  path: string,
  first: JsonObject,
  { printError }: CliContext,
): Promise<JsonObject> {
  const end = performance.now() + WAIT_MS
  let server = first
  let told: unknown
  while (!SETTLED.has(String(server['state'])) && performance.now() < end) {
    if (server['state'] !== told) printError(`${String(server['name'])} is ${String(server['state'])}\n`)
    told = server['state']
    await setTimeout(POLL_MS)
    server = await ask(address, 'GET', path)
  }
  return server
}

/** Prints how a server does. @throws CliError `failed` when it is not ready */
export function printReady(server: JsonObject, { print }: CliContext): void {
  print(table([row(server)]))
  if (server['state'] === 'ready') return
  throw new CliError('failed', `${String(server['name'])} is ${String(server['state'])}`)
}
