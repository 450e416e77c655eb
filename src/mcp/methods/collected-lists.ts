import type { View } from '../../catalog/view.ts'
import { mapBounded } from '../../domain/concurrency/map-bounded.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { type ServerDefinition, type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import type { Caller, CallerClient } from '../../calls/call.ts'
import type { Calls } from '../../calls/calls.ts'
import type { Method } from '../../calls/methods.ts'
import { SKILLS_EXTENSION, skillUnder } from '../../calls/skills.ts'
import { type Declared, extensionOf, legacyTasksOf } from '../../calls/tasks/task-support.ts'
import { taskForm } from '../../upstream/discovery/definitions/item-forms.ts'
import { ListRoom } from './list-room.ts'
import { MISSING_SERVERS } from './list-results.ts'

/** Limit for each server. */
const MAX_PAGES = 100
const MAX_ITEMS = 10_000
/** Servers that are asked at a time: a page of each may be in memory. */
const AT_ONCE = 4

interface Collected {
  /** Whether a server has such a list. */
  readonly isOf: (declared: Declared, server: ServerKey) => boolean
  /** The item for callers; undefined for one that would make clients reject the whole list. */
  readonly shown: (serverName: string, item: unknown) => unknown
}

/** Lists that the gateway does not cache: it requests them from servers when a client asks. */
const LISTS: Readonly<Record<NonNullable<Method['extension']>, Collected>> = {
  tasks: {
    isOf: (declared, server) => 'list' in (legacyTasksOf(declared, server) ?? {}),
    shown: (_serverName, task) => taskForm(task, '', []),
  },
  skills: {
    isOf: (declared, server) => extensionOf(declared, server, SKILLS_EXTENSION) !== undefined,
    shown: skillUnder,
  },
}

interface Request {
  readonly method: Method
  readonly params: JsonObject
  readonly caller: Caller
  readonly client: CallerClient | undefined
  /** The view of the addressed server, or of all. */
  readonly view: View
  readonly signal: AbortSignal
}

/**
 * Collects the items of all servers of the view that have such a list, in one page. `_meta` names the servers whose
 * items are missing or incomplete.
 * @throws GatewayError `invalid_cursor` for any cursor
 */
export async function collected(
  { calls, declared }: { calls: Calls; declared: Declared },
  request: Request,
): Promise<JsonObject> {
  const { extension, collects } = request.method
  if (extension === undefined || collects === undefined) throw new GatewayError('method_not_found')
  const list = LISTS[extension]
  const { member } = collects
  if (request.params['cursor'] !== undefined) throw new GatewayError('invalid_cursor')
  const { view } = request
  const servers = view.servers.filter((server) => list.isOf(declared, serverKey(server)))
  const room = new ListRoom(request.caller.principal.tenantId)
  const parts = await mapBounded(servers, { limit: AT_ONCE }, async (server) => {
    const { items, isWhole } = await partOf(server, member, request, { calls, hasRoom: room.ofServer() })
    const shown = items.map((item) => list.shown(server.name, item)).filter((item) => item !== undefined)
    return { server, shown, isWhole: isWhole && shown.length === items.length }
  }).finally(() => room.release())
  const missing = parts.filter(({ isWhole }) => !isWhole).map(({ server }) => server.name)
  const names = [...new Set([...view.missing, ...missing])]
  return {
    [member]: parts.flatMap(({ shown }) => shown),
    ...(names.length > 0 && { _meta: { [MISSING_SERVERS]: names } }),
  }
}

interface Part {
  readonly items: readonly unknown[]
  readonly isWhole: boolean
}

async function partOf(
  server: ServerDefinition,
  member: string,
  { method, params, caller, client, signal }: Request,
  { calls, hasRoom }: { readonly calls: Calls; readonly hasRoom: (item: unknown) => boolean },
): Promise<Part> {
  const items: unknown[] = []
  let cursor: unknown
  try {
    for (let page = 0; page < MAX_PAGES && items.length < MAX_ITEMS; page += 1) {
      const result = await calls.run(caller, {
        action: 'list',
        kind: 'server',
        name: server.name,
        scope: undefined,
        method,
        params: cursor === undefined ? params : { ...params, cursor },
        signal,
        ...(client !== undefined && { client }),
      })
      const part: unknown = result[member]
      for (const item of Array.isArray(part) ? (part as readonly unknown[]) : []) {
        if (items.length >= MAX_ITEMS || !hasRoom(item)) return { items, isWhole: false }
        items.push(item)
      }
      cursor = result['nextCursor']
      if (cursor === undefined) return { items, isWhole: true }
    }
  } catch {
    // The record of the failed call has the reason.
  }
  return { items, isWhole: false }
}
