import type { Attributes, Counter, Meter } from '@opentelemetry/api'
import { PreparedAttributes } from './prepared-attributes.ts'

/** How far each state of a circuit breaker is from `closed`: the value of the gauge. */
const BREAKER_VALUES = { closed: 0, half_open: 1, open: 2 } as const

type BreakerState = keyof typeof BREAKER_VALUES

/** What became of a call that failed and might have been repeated. */
export type RetryOutcome = 'repeated' | 'no_budget'

/** What the instances of one server are doing. */
export interface FleetState {
  readonly name: string
  readonly instances: readonly { readonly state: string; readonly health?: string | undefined }[]
  /** Calls that wait for an instance to have a place for them. */
  readonly waiting: number
}

/** What the instances of servers do, and what the gateway does about servers that fail. */
export class FleetMetrics {
  readonly #transitions: Counter
  readonly #retries: Counter
  readonly #fallbacks: Counter
  readonly #busy: Counter
  readonly #boundedServer: (server: string) => string
  readonly #attributes = new PreparedAttributes()

  /**
   * @param options.boundedServer the name of a server as a label may have it
   * @param options.breakers read when the metrics are: the states of all circuits, by name of server
   * @param options.servers read when the metrics are
   */
  constructor(
    meter: Meter,
    options: {
      boundedServer: (server: string) => string
      breakers: () => Iterable<readonly [server: string, state: BreakerState]>
      servers: () => Iterable<FleetState>
    },
  ) {
    this.#boundedServer = options.boundedServer
    this.#transitions = meter.createCounter('gateway.breaker.transitions', {
      description: 'Changes of circuit breakers, by new state; the log has the reason of each',
    })
    this.#retries = meter.createCounter('gateway.retries', {
      description: 'Failed calls that were `repeated`, or were not because there was `no_budget`',
    })
    this.#fallbacks = meter.createCounter('gateway.fallbacks', {
      description: 'Calls that were sent to the fallback of their server',
    })
    this.#busy = meter.createCounter('gateway.busy', {
      description: 'Calls that were refused because their server was busy',
    })
    meter
      .createObservableGauge('gateway.instances', {
        description:
          'Instances of a server by state; unhealthy ones are ready, but get no calls while others are available',
      })
      .addCallback((result) => {
        for (const [server, states] of this.#instances(options.servers()))
          for (const [state, count] of Object.entries(states)) result.observe(count, { server, state })
      })
    meter
      .createObservableGauge('gateway.queue', {
        description: 'Calls that wait for an instance of their server',
      })
      .addCallback((result) => {
        for (const [server, count] of this.#waiting(options.servers())) result.observe(count, { server })
      })
    meter
      .createObservableGauge('gateway.breaker.state', {
        description:
          'The worst circuit breaker of a server: 0 closed, 1 half-open, 2 open; calls are then refused with `circuit_open`',
      })
      .addCallback((result) => {
        for (const [server, value] of this.#worst(options.breakers())) result.observe(value, { server })
      })
  }

  /** Counts a change of a circuit breaker. */
  breaker(server: string, state: BreakerState): void {
    this.#transitions.add(1, this.#labelled(this.#boundedServer(server), { state }))
  }

  /** Counts an attempt after the first, or that there was none for want of a budget. */
  retry(server: string, outcome: RetryOutcome): void {
    this.#retries.add(1, this.#labelled(this.#boundedServer(server), { outcome }))
  }

  /** Counts a call that went to another server in place of this one. */
  fallback(server: string): void {
    this.#fallbacks.add(1, this.#labelled(this.#boundedServer(server), {}))
  }

  /** Counts a call that was refused because its server had too many. */
  busy(server: string): void {
    this.#busy.add(1, this.#labelled(this.#boundedServer(server), {}))
  }

  /** How many instances are in each state, by server. */
  #instances(servers: Iterable<FleetState>): Map<string, Record<string, number>> {
    const counts = new Map<string, Record<string, number>>()
    for (const { name, instances } of servers) {
      const server = this.#boundedServer(name)
      const states = counts.get(server) ?? {}
      counts.set(server, states)
      for (const { state, health } of instances) {
        const shown = state === 'ready' && health === 'unhealthy' ? health : state
        states[shown] = (states[shown] ?? 0) + 1
      }
    }
    return counts
  }

  #waiting(servers: Iterable<FleetState>): Map<string, number> {
    const counts = new Map<string, number>()
    for (const { name, waiting } of servers) {
      const server = this.#boundedServer(name)
      counts.set(server, (counts.get(server) ?? 0) + waiting)
    }
    return counts
  }

  /** Servers of different tenants may have one name, and one server has a circuit for each set of its callers. */
  #worst(breakers: Iterable<readonly [string, BreakerState]>): Map<string, number> {
    const worst = new Map<string, number>()
    for (const [name, state] of breakers) {
      const server = this.#boundedServer(name)
      worst.set(server, Math.max(worst.get(server) ?? 0, BREAKER_VALUES[state]))
    }
    return worst
  }

  #labelled(server: string, more: Attributes): Attributes {
    return this.#attributes.of([server, ...Object.values(more).map(String)], () => ({ server, ...more }))
  }
}
