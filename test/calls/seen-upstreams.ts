import type { JsonObject } from '../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import type { RoutedCall } from '../../src/calls/stage.ts'
import { TenantShares } from '../../src/calls/limits/tenant-shares.ts'
import { send } from '../../src/calls/stages/send.ts'
import { TaskHandles } from '../../src/calls/tasks/task-handles.ts'
import { TaskMemory } from '../../src/calls/tasks/task-memory.ts'
import { runFrom } from '../../src/calls/plan.ts'
import type { Era, RequestOptions } from '../../src/upstream/connection/connection.ts'
import type { ClientSide } from '../../src/upstream/messages/client-side.ts'
import type { Upstreams } from '../../src/upstream/upstreams.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { offer, server, tool } from '../support/offers.ts'
import { catalogOf, routedCall } from '../support/routing.ts'

/** Upstreams that keep what they are asked for and answer everything. */
export class SeenUpstreams {
  /** The isolation keys of the pools that were asked for. */
  readonly keys: string[] = []
  readonly clients: (ClientSide | undefined)[] = []
  readonly watched: { uri: string; onUpdated: (params: JsonObject) => void }[] = []
  released = 0
  era: Era | undefined = 'legacy'
  /** What it is as soon as there is a connection. */
  laterEra: Era | undefined
  capabilities: JsonObject = {}
  readonly requests: { method: string; params: JsonObject | undefined; options: RequestOptions }[] = []
  readonly runs: unknown[] = []
  /** Milliseconds that pass until there is a connection. */
  readonly #wait: () => Promise<void>

  constructor(wait: () => Promise<void> = () => Promise.resolve()) {
    this.#wait = wait
  }

  eraOf(): Era | undefined {
    return this.era
  }

  capabilitiesOf(): JsonObject {
    return this.capabilities
  }

  poolFor(_server: ServerDefinition, key: string, clientSide?: ClientSide): unknown {
    this.keys.push(key)
    this.clients.push(clientSide)
    const request = (
      method: string,
      params: JsonObject | undefined,
      options: RequestOptions,
    ): Promise<JsonObject> => {
      this.requests.push({ method, params, options })
      return Promise.resolve({ content: [], x: 1 })
    }
    return {
      isStopped: false,
      breaker: { run: (use: () => unknown) => use() },
      run: async (use: (connection: unknown, instance: string) => Promise<JsonObject>, options: unknown) => {
        this.runs.push(options)
        await this.#wait()
        this.era ??= this.laterEra
        return use({ request, era: this.era, capabilities: this.capabilities }, 'alpha-1')
      },
      watchResource: (uri: string, onUpdated: (params: JsonObject) => void) => {
        this.watched.push({ uri, onUpdated })
        return Promise.resolve(() => (this.released += 1))
      },
    }
  }
}

/** A tool whose argument `region` is to be seen in a header. */
const MARKED = tool('echo', {
  inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } },
})

/** Sends a call of `echo` of alpha, or of another route. */
export async function sendCall(
  { route = { server: server(), name: 'echo' }, ...fields }: Partial<RoutedCall>,
  seen: SeenUpstreams = new SeenUpstreams(),
  clock: FakeClock = new FakeClock(),
): Promise<{ seen: SeenUpstreams; result: JsonObject; call: RoutedCall }> {
  const catalog = catalogOf([server(), offer({ tools: [MARKED] })])
  const tasks = {
    handles: new TaskHandles({ keys: { current: Buffer.alloc(32) } }),
    memory: new TaskMemory(),
  }
  const shares = new TenantShares({ maxOf: () => undefined })
  const stage = send({ upstreams: seen as unknown as Upstreams, tasks, catalog, clock, shares })
  const call = routedCall(route, { timeoutMs: 1000, ...fields }, { stages: [stage], catalog })
  const { result } = await runFrom(call, 0)
  return { seen, result, call }
}
