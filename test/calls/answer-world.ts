import { Calls } from '../../src/calls/calls.ts'
import type { CallerClient, Operation } from '../../src/calls/call.ts'
import type { Plan, RoutedCall, Stage } from '../../src/calls/stage.ts'
import { callChain } from '../../src/calls/call-chain.ts'
import { targetOf } from '../../src/calls/target-names.ts'
import { TaskHandles } from '../../src/calls/tasks/task-handles.ts'
import { TaskMemory } from '../../src/calls/tasks/task-memory.ts'
import type { Catalog } from '../../src/catalog/catalog.ts'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Metrics } from '../../src/telemetry/metrics/metrics.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { offer, server, snapshotOf, tool } from '../support/offers.ts'
import { caller, catalogOf, methodOf } from '../support/routing.ts'
import { AskingServers } from './asking-servers.ts'
import { chainParts, TASKS } from './chain-parts.ts'

export const SERVERS = ['alpha', 'beta', 'gamma'] as const
export const WHO = ['ann', 'bob'] as const
type ServerName = (typeof SERVERS)[number]
export type Who = (typeof WHO)[number]
export type Era = CallerClient['era']

/** Metadata that belongs to the protocol: it says nothing of the call, so that equal calls of two clients stay equal. */
const CLIENT = 'io.modelcontextprotocol/clientInfo'

const definitions = (fallbackOfAlpha: ServerName): ReturnType<typeof server>[] => [
  server({ name: 'alpha', fallback: fallbackOfAlpha, tools: { echo: { cacheTtlMs: 60_000 } } }),
  server({ name: 'beta', fallback: 'gamma', tools: { echo: { defaults: { region: 'eu' } } } }),
  server({ name: 'gamma', tools: { echo: { fixed: { zone: 'g' } } } }),
]

const ECHO = tool('echo', {
  annotations: { readOnlyHint: true },
  inputSchema: { type: 'object', properties: { style: {}, region: {}, zone: {} } },
})

/** What the shaping of each server adds to the arguments. */
const ADDED = { alpha: {}, beta: { region: 'eu' }, gamma: { zone: 'g' } }

/** Waits of no time are over at once; nothing else happens by itself. */
class InstantClock extends FakeClock {
  override after(delayMs: number, task: () => void): () => void {
    if (delayMs > 0) return super.after(delayMs, task)
    queueMicrotask(task)
    return () => undefined
  }
}

/** The call chain of the gateway in front of three servers that ask their callers and are each other's fallbacks. */
export class AnswerWorld {
  readonly servers = new AskingServers(ADDED)
  /** What was counted: retries and fallbacks. */
  readonly counted: string[] = []
  readonly #catalog: Catalog
  readonly #calls: Calls
  readonly #handles = new TaskHandles({ keys: { current: Buffer.alloc(32) } })

  /** @param own stages of the operator, after one that makes calls unchangeable for all that follow */
  constructor(...own: Stage[]) {
    const clock = new InstantClock()
    const offered = offer({ tools: [ECHO] })
    this.#catalog = catalogOf(
      ...definitions('beta').map((each) => [each, offered] as [typeof each, typeof offered]),
    )
    const parts = chainParts(
      this.#catalog,
      (name, method, params) => {
        const { [CLIENT]: client } = params['_meta'] as { [CLIENT]: { name: Who } }
        return this.servers.answer(name as ServerName, client.name, method, params)
      },
      {
        clock,
        ownStages: [unchangeable, ...own],
        tasks: { handles: this.#handles, memory: new TaskMemory() },
        metrics: {
          call: () => undefined,
          retry: (name: string, outcome: string) => this.counted.push(`${name} ${outcome}`),
          fallback: (name: string) => this.counted.push(`${name} fallback`),
        } as unknown as Metrics,
      },
    )
    this.#calls = new Calls({ clock, chain: callChain(parts).run })
  }

  /** Names the fallback of alpha. */
  standIn(name: ServerName): void {
    this.#catalog.applySnapshot(snapshotOf(...definitions(name)))
  }

  /** Calls a tool. @returns the result, or the error's code */
  call(who: Who, name: string, params: JsonObject, era: Era = 'modern'): Promise<JsonObject> {
    return this.request(who, 'tools/call', { name, ...params }, era)
  }

  /** Makes any request that one server answers. @returns the result, or the error's code */
  async request(who: Who, method: string, given: JsonObject, era: Era = 'modern'): Promise<JsonObject> {
    const { principal } = caller({ subject: who })
    const params = { ...given, _meta: { [CLIENT]: { name: who } } }
    const target = targetOf(methodOf(method), params, {
      scope: undefined,
      taskOf: (handle) => this.#handles.open(handle, principal),
      toolName: (task) => this.#catalog.exposedToolName(task.server, task.tool),
    })
    if (target === undefined) throw new Error(`${method} is about nothing`)
    const operation: Operation = {
      ...target,
      scope: undefined,
      method: methodOf(method),
      params,
      signal: new AbortController().signal,
      client: clientOf(era),
    }
    return this.#calls.run(caller({ subject: who }), operation).catch((error: unknown) => {
      if (error instanceof GatewayError) return { failed: error.code }
      throw error
    })
  }
}

/** A client that can open pages and has tasks; a legacy one is asked and gives the token of each question. */
function clientOf(era: Era): CallerClient {
  return {
    era,
    capabilities: { elicitation: { form: {}, url: {} }, extensions: TASKS },
    logLevel: undefined,
    tell: () => undefined,
    ...(era === 'legacy' && { ask: (_method, asked) => Promise.resolve({ content: asked?.['token'] }) }),
  }
}

/** Stage: gives every stage that follows, at every server, a call that throws when something is written to it. */
const unchangeable: Stage = (call, next) => next({ ...call, plan: freezing(call.plan) })

function freezing({ target, from, at, allowsPlainCalls }: Plan): Plan {
  return {
    target,
    allowsPlainCalls,
    from: from.map((run) => (call) => run(frozen(call))),
    at: (route) => freezing(at(route)),
  }
}

/** All of a call but what is known of it so far, which stages add to. */
function frozen(call: RoutedCall): RoutedCall {
  const { caller: who, operation, params, route } = call
  for (const part of [who, operation.params, params, route]) freezeAll(part)
  Object.freeze(operation)
  return Object.freeze(call)
}

function freezeAll(value: unknown): void {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return
  for (const member of Object.values(Object.freeze(value))) freezeAll(member)
}
