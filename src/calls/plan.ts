import type { Catalog } from '../catalog/catalog.ts'
import type { ServerCatalog } from '../catalog/server-catalog.ts'
import type { ServerDefinition } from '../domain/documents/server-definition.ts'
import { toolPolicy } from '../domain/documents/tool-policy.ts'
import type { Route } from './call.ts'
import type { Plan, PlannedTarget, RoutedCall, Run, Stage, StageFor } from './stage.ts'
import type { Method } from './methods.ts'

/** More tools than a server may list; tasks name tools that are no longer listed, too. */
const MAX_TARGETS = 20_000

/** The plans for one version of a server: its document and what it offers. */
interface Version {
  readonly offered: ServerCatalog | undefined
  readonly plans: Map<Method, Map<string, Plan>>
}

/** Compiles the stages for each target once, so that a call passes only those that do something for it. */
export class Plans {
  readonly #stages: readonly StageFor[]
  readonly #skippable: ReadonlySet<StageFor>
  readonly #catalog: Pick<Catalog, 'catalogOf'>
  readonly #versions = new WeakMap<ServerDefinition, Version>()

  /**
   * @param options.stages in order: each one wraps all that follow, and the last one calls no `next`
   * @param options.skippable those that plain calls skip; none by default
   */
  constructor(options: {
    stages: readonly StageFor[]
    skippable?: ReadonlySet<StageFor>
    catalog: Pick<Catalog, 'catalogOf'>
  }) {
    this.#stages = options.stages
    this.#skippable = options.skippable ?? new Set()
    this.#catalog = options.catalog
  }

  /** The plan for calls of a method to a route, under the current document and offer of its server. */
  of(route: Route, method: Method): Plan {
    const { server } = route
    // Only tools differ in what the operator sets for them.
    const name = method.kind === 'tool' ? route.name : ''
    const plans = this.#plansOf(server, method)
    const known = plans.get(name)
    if (known !== undefined) return known
    if (plans.size >= MAX_TARGETS) plans.clear()
    const plan = this.#compile(server, name, method)
    plans.set(name, plan)
    return plan
  }

  #plansOf(server: ServerDefinition, method: Method): Map<string, Plan> {
    const offered = this.#catalog.catalogOf(server)
    let version = this.#versions.get(server)
    if (version === undefined || version.offered !== offered) {
      version = { offered, plans: new Map() }
      this.#versions.set(server, version)
    }
    let plans = version.plans.get(method)
    if (plans === undefined) version.plans.set(method, (plans = new Map<string, Plan>()))
    return plans
  }

  #compile(server: ServerDefinition, name: string, method: Method): Plan {
    const offered = this.#catalog.catalogOf(server)
    const target: PlannedTarget = {
      method,
      server,
      name,
      policy: toolPolicy(server, name === '' ? undefined : name),
      offered,
      tool: offered?.toolsByOwnName.get(name),
    }
    const compiled = this.#stages.map((stageFor) => stageFor(target))
    const allowsPlainCalls = this.#stages.every(
      (each, at) => compiled[at] === undefined || this.#skippable.has(each),
    )
    return { target, from: runsOf(compiled), at: (route) => this.of(route, method), allowsPlainCalls }
  }
}

/** For each position in the chain, the stages from there on as one function. */
function runsOf(stages: readonly (Stage | undefined)[]): Run[] {
  const runs: Run[] = Array.from({ length: stages.length + 1 }, () => theEnd)
  for (let position = stages.length - 1; position >= 0; position -= 1) {
    const stage = stages[position]
    // The call that a stage passes on may be one to another target, with a plan of its own.
    const next: Run = (call) => runFrom(call, position + 1)
    runs[position] =
      stage === undefined
        ? (runs[position + 1] ?? theEnd)
        : (call) => {
            try {
              return stage(call, next)
            } catch (error) {
              // A stage before this one may inspect only how the promise settles.
              return Promise.reject(error)
            }
          }
  }
  return runs
}

/** Runs a call from a position in the chain, by the plan of its target. */
export function runFrom(call: RoutedCall, position: number): ReturnType<Run> {
  return (call.plan.from[position] ?? theEnd)(call)
}

const theEnd: Run = () => Promise.reject(new Error('the last stage must not call next()'))
