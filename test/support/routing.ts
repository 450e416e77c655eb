import { Catalog } from '../../src/catalog/catalog.ts'
import type { Principal } from '../../src/domain/principal.ts'
import { type ServerDefinition, serverKey } from '../../src/domain/documents/server-definition.ts'
import { type Authorize, authorize } from '../../src/calls/authorize.ts'
import type { Call, Caller, Operation, Route } from '../../src/calls/call.ts'
import type { Answer, RoutedCall, StageFor } from '../../src/calls/stage.ts'
import { Calls } from '../../src/calls/calls.ts'
import { type Method, methodTable } from '../../src/calls/methods.ts'
import { Plans, runFrom } from '../../src/calls/plan.ts'
import type { Clock } from '../../src/domain/clock.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { Offer } from '../../src/upstream/discovery/discovery.ts'
import { FakeClock } from './fake-clock.ts'
import { principal, server, snapshotOf } from './offers.ts'

/** A catalog of servers, each with what it offers or undefined while it has not said. */
export function catalogOf(...servers: [ServerDefinition, Offer | undefined][]): Catalog {
  const catalog = new Catalog()
  catalog.applySnapshot(snapshotOf(...servers.map(([definition]) => definition)))
  for (const [definition, offered] of servers) {
    if (offered !== undefined) catalog.setOffer(serverKey(definition), offered)
  }
  return catalog
}

export function caller(fields: Partial<Principal> = {}, sessionId?: string): Caller {
  return { principal: principal(fields), transport: 'rest', sessionId, requestId: 'r-1' }
}

/** A call of the tool `alpha_echo`, with what a test wants to be different; the method by its name. */
export function operation({ method, ...fields }: OperationFields = {}): Operation {
  return {
    action: 'call',
    kind: 'tool',
    name: 'alpha_echo',
    scope: undefined,
    method: typeof method === 'object' ? method : methodOf(method ?? 'tools/call'),
    params: { name: 'alpha_echo', arguments: { a: 1 } },
    signal: new AbortController().signal,
    ...fields,
  }
}

export type OperationFields = Partial<Omit<Operation, 'method'>> & { readonly method?: string | Method }

/** The row of a method. */
export function methodOf(name: string): Method {
  const method = methodTable().get(name)
  if (method === undefined) throw new Error(`no such method: ${name}`)
  return method
}

/** A call before it has a server. */
export function unroutedCall(fields: Partial<Call> = {}): Call {
  return {
    caller: caller(),
    operation: operation(),
    startedAt: 0,
    info: { route: undefined, decision: undefined, instance: undefined },
    ...fields,
  }
}

/** A call on its way to `route`, through `stages` at the positions from 0 on. */
export function routedCall(
  route: Route,
  fields: Partial<RoutedCall> = {},
  { stages = [], catalog = catalogOf([route.server, undefined]) }: PlanParts = {},
): RoutedCall {
  const call = unroutedCall(fields)
  const plan = new Plans({ stages, catalog }).of(route, call.operation.method)
  call.info.route = route
  return { params: call.operation.params, askedMs: 0, timeoutMs: 0, ...fields, ...call, route, plan }
}

interface PlanParts {
  readonly stages?: readonly StageFor[]
  readonly catalog?: Pick<Catalog, 'catalogOf'>
}

/** What a test has in place of a server. */
type Serve = (call: RoutedCall) => Promise<JsonObject> | JsonObject

/** The last stage, which answers in place of a server. */
export function answering(serve: Serve): StageFor {
  return () => async (call) => ({ route: call.route, result: await serve(call) })
}

/** The function that routes and authorizes calls, each of which then has these stages. */
export function authorizing(
  catalog: Catalog,
  { stages = [], callTimeoutMs = 60_000 }: { stages?: readonly StageFor[]; callTimeoutMs?: number } = {},
): Authorize {
  return authorize({ catalog, plans: new Plans({ stages, catalog }), callTimeoutMs })
}

/** Calls that are authorized and then pass these stages alone. */
export function callsThrough(
  catalog: Catalog,
  stages: readonly StageFor[],
  { clock = new FakeClock(), callTimeoutMs }: { clock?: Clock; callTimeoutMs?: number } = {},
): Calls {
  const authorized = authorizing(catalog, { stages, ...(callTimeoutMs !== undefined && { callTimeoutMs }) })
  return new Calls({ clock, chain: async (call) => runFrom(authorized(call), 0) })
}

/** Calls that a test answers itself, without any stage. */
export function answeredCalls(answer: (call: Call) => Promise<JsonObject> | JsonObject): Calls {
  const route = { server: server(), name: '' }
  return new Calls({
    clock: new FakeClock(),
    chain: async (call): Promise<Answer> => ({ route, result: await answer(call) }),
  })
}

/** A stage at the front of what a test has in place of a server. */
export class OneStage {
  readonly #stage: StageFor
  readonly #catalog: Pick<Catalog, 'catalogOf'> | undefined
  /** The calls that came through the stage. */
  readonly sent: RoutedCall[] = []

  /** @param catalog by default one in which servers have offered nothing yet */
  constructor(stage: StageFor, catalog?: Pick<Catalog, 'catalogOf'>) {
    this.#stage = stage
    this.#catalog = catalog
  }

  /** @param serve what answers in place of the remaining stages */
  run(route: Route, fields: Partial<RoutedCall>, serve: Serve): Promise<JsonObject> {
    return this.pass(this.callOf(route, fields, serve))
  }

  /** A call to a route through the stage. */
  callOf(route: Route, fields: Partial<RoutedCall>, serve: Serve): RoutedCall {
    const last = answering((call) => {
      this.sent.push(call)
      return serve(call)
    })
    return routedCall(route, fields, {
      stages: [this.#stage, last],
      ...(this.#catalog && { catalog: this.#catalog }),
    })
  }

  /** Runs a call that `callOf` made. */
  async pass(call: RoutedCall): Promise<JsonObject> {
    return (await runFrom(call, 0)).result
  }
}
