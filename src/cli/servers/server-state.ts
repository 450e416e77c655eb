import { setTimeout } from 'node:timers/promises'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { CliError } from '../cli-error.ts'
import { type CliContext, rowsFor } from '../context.ts'
import { ask, type GatewayAddress } from '../client/rest-client.ts'

const POLL_MS = 200
/** Time that most servers have for opening, and again for listing what they offer. */
const START_MS = 60_000
const START_STEPS = 2
/** From writing a document until the registry has been read again. */
const TAKEN_OVER_MS = 10_000
const SETTLED = new Set(['ready', 'failed', 'backing_off', 'stopped'])

/** The path of a server, of those for all tenants where that is asked for. */
export function pathOf(name: string, { tenant }: { tenant?: string }, action = ''): string {
  const query = tenant === undefined ? '' : `?tenantId=${encodeURIComponent(tenant)}`
  return `/v1/servers/${encodeURIComponent(name)}${action === '' ? '' : `/${action}`}${query}`
}

/** What the cells of `row` are. */
export const ROW_HEADER = ['NAME', 'STATE', 'TOOLS', 'ROLES', 'SINCE', 'NOTE'] as const

/** A server as one line: name, state, tools, who may use it, since when, and what there is to know about it. */
export function row(server: JsonObject): string[] {
  const tools = typeof server['tools'] === 'number' ? `${server['tools']} tools` : ''
  const since = typeof server['since'] === 'string' ? server['since'].replace(/\.\d{1,9}Z$/, 'Z') : ''
  const notes = [server['quarantined'], server['reason'], server['problems'], server['warnings']]
    .flat()
    .filter((note) => typeof note === 'string')
  return [String(server['name']), String(server['state']), tools, rolesText(server), since, notes.join('; ')]
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
  const end = performance.now() + START_STEPS * startTimeoutMs(first)
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

function startTimeoutMs({ document }: JsonObject): number {
  const lifecycle = isJsonObject(document) ? document['lifecycle'] : undefined
  const own = isJsonObject(lifecycle) ? lifecycle['startTimeoutMs'] : undefined
  return typeof own === 'number' ? Math.max(own, START_MS) : START_MS
}

/** The same for a server whose document was just written; until the registry has been read again it is not there. */
export async function settledNew(
  address: GatewayAddress,
  path: string,
  first: JsonObject,
  context: CliContext,
): Promise<JsonObject> {
  const end = performance.now() + TAKEN_OVER_MS
  let server = first
  while (isUnread(server) && performance.now() < end) {
    await setTimeout(POLL_MS)
    server = await ask(address, 'GET', path)
  }
  return await settled(address, path, server, context)
}

function isUnread({ since, quarantined, document }: JsonObject): boolean {
  const isDisabled = isJsonObject(document) && document['enabled'] === false
  return since === undefined && quarantined === undefined && !isDisabled
}

/** The roles that a server asks for: one of them, or all where they are joined with `+`. */
export function rolesText(server: JsonObject): string {
  const { document } = server
  const roles = server['requiredRoles'] ?? (isJsonObject(document) ? document['requiredRoles'] : undefined)
  if (Array.isArray(roles)) return roles.join(',')
  return isJsonObject(roles) && Array.isArray(roles['allOf']) ? roles['allOf'].join('+') : ''
}

/** Prints how a server does. @throws CliError `failed` when it is not ready */
export function printReady(server: JsonObject, context: CliContext): void {
  context.print(rowsFor(context, [row(server)]))
  if (server['state'] === 'ready') return
  throw new CliError('failed', `${String(server['name'])} is ${String(server['state'])}`)
}
