import type { Catalog } from '../../catalog/catalog.ts'
import type { Clock } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { runAll } from '../../domain/run-all.ts'
import { type ServerKey, serverKey } from '../../domain/documents/server-definition.ts'
import type { Snapshot } from '../../domain/snapshot.ts'
import type { Answer, PlannedTarget, RoutedCall, Stage, StageFor } from '../../calls/stage.ts'
import { deadlineOf } from '../../calls/deadline.ts'
import type { Logger } from '../../telemetry/logger.ts'
import { NEEDS_NO_CLIENT, type Offer } from '../../upstream/discovery/discovery.ts'
import type { BuiltinServer, BuiltinSource, BuiltinTool } from './builtin-server.ts'

interface BuiltinOptions {
  readonly catalog: Pick<Catalog, 'applySnapshot' | 'setOffer' | 'setAvailable'>
  readonly sources: readonly BuiltinSource[]
  readonly clock: Clock
  readonly logger: Logger
}

const WORDS = { tool: 'tool_not_found', prompt: 'prompt_not_found', resource: 'resource_not_found' } as const

/** The servers that exist inside the gateway only: adds them to every snapshot, and answers their calls. */
export class BuiltinServers {
  readonly #options: BuiltinOptions
  #tools: ReadonlyMap<ServerKey, ReadonlyMap<string, BuiltinTool>> = new Map()

  constructor(options: BuiltinOptions) {
    this.#options = options
  }

  /**
   * Hands a snapshot on to the catalog, with the gateway's own servers in it.
   * @throws AggregateError when that failed somewhere; the rest of it is in force all the same
   */
  applySnapshot(snapshot: Snapshot): void {
    const { catalog, sources } = this.#options
    const builtin = sources.flatMap((source) => this.#serversOf(source, snapshot))
    const servers = new Map([
      ...snapshot.servers,
      ...builtin.map(({ definition }) => [serverKey(definition), definition] as const),
    ])
    this.#tools = new Map(builtin.map((server) => [serverKey(server.definition), toolsOf(server)]))
    const offers = builtin.map((server) => () => {
      const key = serverKey(server.definition)
      catalog.setOffer(key, offerOf(server))
      catalog.setAvailable(key, true)
    })
    runAll([() => catalog.applySnapshot({ ...snapshot, servers }), ...offers])
  }

  /** Stage: runs the tools of the gateway's own servers. */
  readonly stage: StageFor = ({ server, method }) => {
    if (server.transport !== 'builtin') return undefined
    const key = serverKey(server)
    return (call) => {
      const tool = method.runsTool === true ? this.#tools.get(key)?.get(call.route.name) : undefined
      return tool === undefined ? Promise.reject(notHere(call)) : this.#run(call, tool)
    }
  }

  /** Wraps a stage so that it gets only calls with valid arguments, and people are not asked about others. */
  checkedBefore(stage: Stage, { server }: PlannedTarget): Stage {
    if (server.transport !== 'builtin') return stage
    const key = serverKey(server)
    return async (call, next) => {
      const { caller, params, route } = call
      this.#tools.get(key)?.get(route.name)?.check?.(argumentsOf(params), caller.principal.tenantId)
      return stage(call, next)
    }
  }

  async #run(call: RoutedCall, tool: BuiltinTool): Promise<Answer> {
    const { operation, params, route } = call
    const { clock } = this.#options
    const deadlineAt = deadlineOf(call)
    const ended = Promise.withResolvers<never>()
    // It may reject after all waiting has ended.
    ended.promise.catch(() => undefined)
    const abort = new AbortController()
    const end = (error: GatewayError): void => {
      ended.reject(error)
      abort.abort()
    }
    const facts = { server: route.server.name, mayHaveExecuted: true }
    const cancel = (): void => end(new GatewayError('cancelled', undefined, { facts }))
    const cancelTimer = clock.after(Math.max(0, deadlineAt - clock.monotonic()), () =>
      end(new GatewayError('upstream_timeout', undefined, { facts })),
    )
    if (operation.signal.aborted) cancel()
    operation.signal.addEventListener('abort', cancel, { once: true })
    const given = argumentsOf(params)
    try {
      const run = tool.run({ call, arguments: given, signal: abort.signal, deadlineAt })
      return { route, result: await Promise.race([run, ended.promise]) }
    } finally {
      cancelTimer()
      operation.signal.removeEventListener('abort', cancel)
    }
  }

  /** What is wrong with one source must not keep the registry from taking effect. */
  #serversOf(source: BuiltinSource, snapshot: Snapshot): readonly BuiltinServer[] {
    try {
      return source(snapshot)
    } catch (error) {
      this.#options.logger.error({ err: error }, 'the built-in servers could not be built')
      return []
    }
  }
}

function argumentsOf({ arguments: given }: JsonObject): JsonObject {
  return isJsonObject(given) ? given : {}
}

function notHere({ operation: { kind, name } }: RoutedCall): GatewayError {
  if (kind === 'server') return new GatewayError('method_not_found')
  return new GatewayError(WORDS[kind], `Unknown ${kind}: ${name.slice(0, 256)}`)
}

function toolsOf({ tools }: BuiltinServer): Map<string, BuiltinTool> {
  return new Map(tools.map((tool) => [tool.definition.name, tool]))
}

function offerOf({ tools }: BuiltinServer): Offer {
  return {
    tools: tools.map(({ definition }) => definition),
    resources: [],
    resourceTemplates: [],
    prompts: [],
    capabilities: { tools: {} },
    needsClient: NEEDS_NO_CLIENT,
    ttlMs: {},
    problems: [],
  }
}
