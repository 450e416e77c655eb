import { isJsonObject } from '../../domain/json/json.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import { isOnBehalf, isolationKeyOf, sessionKey, withAccount } from '../../upstream/isolation-key.ts'
import type { Pool } from '../../upstream/pool/pool.ts'
import type { Upstreams } from '../../upstream/upstreams.ts'
import type { CallerClient } from '../call.ts'
import type { RoutedCall } from '../stage.ts'
import { deadlineOf } from '../deadline.ts'
import { TaskIds, type Tasks } from '../tasks/task-ids.ts'
import { hasTasks } from '../tasks/task-support.ts'
import { grantedClient } from './granted-client.ts'

interface PoolChoiceOptions {
  readonly upstreams: Upstreams
  readonly tasks: Tasks
}

/** Chooses whose connections each call uses, and what its server may see of the client. */
export class PoolChoice {
  readonly #upstreams: Upstreams
  readonly #tasks: Tasks

  constructor(options: PoolChoiceOptions) {
    this.#upstreams = options.upstreams
    this.#tasks = options.tasks
  }

  /**
   * The client of a call as the server can reach it: limited to what the server may see, and with tasks named by the
   * caller's handles.
   */
  clientOf(call: RoutedCall): CallerClient | undefined {
    const { client } = call.operation
    return client && this.grantedTo(client, call)
  }

  /** The pool that callers with the same isolation key share. */
  shared({ caller, route: { server } }: RoutedCall): Pool {
    const isOwn = server.sharing === 'session' || isOnBehalf(server, caller.principal)
    const owner = isOwn ? caller.principal : undefined
    return this.#upstreams.poolFor(server, isolationKeyOf(server, caller), undefined, owner)
  }

  /**
   * The pool for a call of a legacy client. A legacy server learns its client's capabilities once, when it is
   * connected, and what it then sends or asks is addressed only to the connection. So a client that accepts requests or
   * messages of such a server gets a separate connection.
   * @throws GatewayError if the era of the server is unknown and it cannot be connected
   */
  async ofLegacyClient(call: RoutedCall, client: CallerClient): Promise<Pool> {
    const { caller, route } = call
    const { sessionId, client: sessionClient } = caller
    if (sessionId === undefined || sessionClient === undefined) return this.shared(call)
    const separate = (): Pool => {
      const granted = this.grantedTo(sessionClient, call)
      const key = withAccount(route.server, caller.principal, sessionKey(sessionId))
      return this.#upstreams.poolFor(route.server, key, granted, caller.principal)
    }
    if (route.server.sharing === 'session') return separate()
    const shared = this.shared(call)
    const acceptsRequests = Object.keys(client.capabilities).length > 0
    if (!acceptsRequests && client.logLevel === undefined) return shared
    const key = serverKey(route.server)
    if (this.#upstreams.eraOf(key) === undefined) await connected(shared, call)
    if (this.#upstreams.eraOf(key) !== 'legacy') return shared
    const { logging } = this.#upstreams.capabilitiesOf(key)
    const hasLevel = client.logLevel !== undefined && isJsonObject(logging)
    return acceptsRequests || hasLevel ? separate() : shared
  }

  /** A client as the server of a call may reach it. */
  grantedTo(client: CallerClient, { caller, route: { server } }: RoutedCall): CallerClient {
    const granted = grantedClient(client, server, this.#upstreams)
    const key = serverKey(server)
    // Before the first connection the server's capabilities are unknown.
    const mayHaveTasks = this.#upstreams.eraOf(key) === undefined || hasTasks(this.#upstreams, key, 'legacy')
    if (client.era === 'modern' || !mayHaveTasks) return granted
    return new TaskIds({ tasks: this.#tasks, server: key, principal: caller.principal }).client(granted)
  }
}

/** Waits for a connection of the pool, within the time of the call. */
function connected(pool: Pool, call: RoutedCall): Promise<void> {
  const { signal } = call.operation
  return pool.run(() => Promise.resolve(), { signal, deadlineAt: deadlineOf(call) })
}
