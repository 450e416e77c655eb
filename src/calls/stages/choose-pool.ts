import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { type ServerDefinition, serverKey } from '../../domain/documents/server-definition.ts'
import { isNeverSent } from '../../upstream/connection/upstream-error.ts'
import { isolationKeyOf, sessionKey } from '../../upstream/isolation-key.ts'
import type { Pool } from '../../upstream/pool/pool.ts'
import type { Upstreams } from '../../upstream/upstreams.ts'
import type { Call, Caller, CallerClient, Route, Stage } from '../call.ts'
import { deadlineOf } from './deadline.ts'
import { grantedClient } from '../client/granted-client.ts'
import { routeOfCall } from '../routed.ts'
import { TaskIds, type Tasks } from '../tasks/task-ids.ts'
import { hasTasks } from '../tasks/task-support.ts'

interface ChoosePoolOptions {
  readonly upstreams: Upstreams
  readonly tasks: Tasks
}

interface Sending {
  readonly call: Call
  readonly route: Route
  readonly client: CallerClient
}

/**
 * Stage: chooses the pool whose connections the call uses, and what the server may see of the client. A call that
 * waited for a pool that has stopped continues with its replacement, if there is one.
 */
export function choosePool(options: ChoosePoolOptions): Stage {
  const send = throughPool(options)
  const stage: Stage = (call, next) =>
    send(call, next).catch((error: unknown) => {
      if (!isLeftBehind(call, error)) throw error
      return stage(call, next)
    })
  return stage
}

/** Whether a call reached only a pool that has stopped since. */
function isLeftBehind({ pool, instance }: Call, error: unknown): boolean {
  return pool?.isStopped === true && instance === undefined && isNeverSent(error)
}

function throughPool(options: ChoosePoolOptions): Stage {
  return (call, next) => {
    const route = routeOfCall(call)
    const { client: whole } = call.operation
    const client = whole && clientFor(options, { call, route, client: whole })
    call.client = client
    call.pool = undefined
    call.instance = undefined
    const { server } = route
    if (client?.era !== 'legacy') {
      call.pool = sharedPool(options, call.caller, server)
      return next()
    }
    return withPoolOfLegacy(options, { call, route, client }, next)
  }
}

async function withPoolOfLegacy(
  options: ChoosePoolOptions,
  sending: Sending,
  next: () => Promise<JsonObject>,
): Promise<JsonObject> {
  sending.call.pool = await poolOfLegacy(options, sending)
  return next()
}

/**
 * The client as the server can reach it: limited to what the server may see, and with tasks named by the caller's
 * handles.
 */
function clientFor(
  { upstreams, tasks }: ChoosePoolOptions,
  { call, route: { server }, client }: Sending,
): CallerClient {
  const granted = grantedClient(client, server, upstreams)
  const key = serverKey(server)
  // Before the first connection the server's capabilities are unknown.
  const mayHaveTasks = upstreams.eraOf(key) === undefined || hasTasks(upstreams, key, 'legacy')
  if (client.era === 'modern' || !mayHaveTasks) return granted
  return new TaskIds({ tasks, server: key, principal: call.caller.principal }).client(granted)
}

/**
 * A legacy server learns its client's capabilities once, when it is connected, and what it then sends or asks is
 * addressed only to the connection. So a client that accepts requests of servers gets a separate connection.
 */
async function poolOfLegacy(options: ChoosePoolOptions, { call, route, client }: Sending): Promise<Pool> {
  const { upstreams } = options
  const { server } = route
  const { sessionId, client: whole, principal } = call.caller
  const shared = (): Pool => sharedPool(options, call.caller, server)
  if (sessionId === undefined || whole === undefined) return shared()
  const own = (): Pool => {
    const its = clientFor(options, { call, route, client: whole })
    return upstreams.poolFor(server, sessionKey(sessionId), its, principal)
  }
  if (server.sharing === 'session') return own()
  const pool = shared()
  if (!canBeAsked(client) && client.logLevel === undefined) return pool
  const key = serverKey(server)
  if (upstreams.eraOf(key) === undefined) {
    const { signal } = call.operation
    await pool.run(() => Promise.resolve(), { signal, deadlineAt: deadlineOf(call) })
  }
  if (upstreams.eraOf(key) !== 'legacy') return pool
  const hasLevel = client.logLevel !== undefined && isJsonObject(upstreams.capabilitiesOf(key)['logging'])
  return canBeAsked(client) || hasLevel ? own() : pool
}

function canBeAsked({ capabilities }: CallerClient): boolean {
  return Object.keys(capabilities).length > 0
}

/** The pool of the caller's isolation key, which is unique to the caller if the server keeps state for each session. */
function sharedPool({ upstreams }: ChoosePoolOptions, caller: Caller, server: ServerDefinition): Pool {
  const owner = server.sharing === 'session' ? caller.principal : undefined
  return upstreams.poolFor(server, isolationKeyOf(server, caller), undefined, owner)
}
