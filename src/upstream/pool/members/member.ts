import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import type { Candidate } from '../balancer/balancer.ts'
import type { ClientSide } from '../../messages/client-side.ts'
import type { Connection } from '../../connection/connection.ts'
import { Ejection } from '../../health/ejection.ts'
import { type Health, HealthCheck } from '../../health/health-check.ts'
import { probeConnection, probePath } from '../../health/health-probe.ts'
import { Instance } from '../../instance/instance.ts'
import type { InstanceContext, InstanceEvents, InstanceStatus } from '../../instance/instance-context.ts'
import { definitionAt, shownUrl, type Target } from '../../instance/targets.ts'

/** Weight of the newest call in the moving average. */
const NEWEST = 0.1

/** What a member reports to its pool. */
export interface MemberEvents extends Omit<InstanceEvents, 'onState' | 'onListChanged' | 'onOffer'> {
  /** Its state or its health has changed. */
  readonly onChange: (reason: string | undefined) => void
  readonly onListChanged: (member: Member) => void
  readonly onOffer: (member: Member, offer: Parameters<InstanceEvents['onOffer']>[0]) => void
}

/** What a member is made from. */
export interface MemberOptions {
  /** Unique id of the instance. */
  readonly id: string
  readonly order: number
  /** The definition of the whole server. */
  readonly definition: ServerDefinition
  /** Absent for a process. */
  readonly target: Target | undefined
  readonly context: InstanceContext
  readonly client: ClientSide | undefined
  readonly events: MemberEvents
}

/** An instance as a member of its pool, with its load and its health. */
export class Member implements Candidate {
  readonly id: string
  readonly order: number
  readonly instance: Instance
  /** Absent for a process. */
  readonly url: string | undefined
  /** Whether it is connected and gets no calls, because it is unhealthy or ejected. */
  isExcluded = false
  readonly #context: InstanceContext
  readonly #events: MemberEvents
  readonly #check: HealthCheck
  /** Whether it is ejected because its calls fail. */
  readonly ejection: Ejection
  #weight: number
  #answeredAt = Number.NEGATIVE_INFINITY
  #averageMs: number | undefined

  constructor(options: MemberOptions) {
    const { id, order, definition, target, context, client, events } = options
    this.id = target?.url ?? id
    this.order = order
    this.url = target?.url
    this.#weight = target?.weight ?? 1
    this.#context = context
    this.#events = events
    this.instance = new Instance({
      id,
      definition: definitionAt(definition, target?.url),
      context,
      client,
      events: {
        onState: (_state, reason) => this.#onState(reason),
        needsOffer: events.needsOffer,
        onOffer: (offer) => events.onOffer(this, offer),
        onListChanged: () => events.onListChanged(this),
        onResourceUpdated: events.onResourceUpdated,
      },
    })
    this.ejection = new Ejection({
      clock: context.clock,
      settings: () => this.instance.definition.circuitBreaker,
      onChange: (reason) => events.onChange(reason),
    })
    this.#check = new HealthCheck({
      clock: context.clock,
      settings: () => this.instance.definition.healthCheck,
      turnMs: () => context.probeTurns.take(),
      probe: (probing) => this.#probe(probing),
      answeredAt: () => this.#answeredAt,
      onChange: (health, reason) => this.#onHealth(health, reason),
    })
  }

  get weight(): number {
    return this.#weight
  }

  get inFlight(): number {
    return this.instance.calls.count
  }

  /** The open connection of an instance that is ready. */
  get connection(): Connection | undefined {
    return this.instance.connection
  }

  get isUnhealthy(): boolean {
    return this.#check.health === 'unhealthy'
  }

  /** Moving average of the duration of its calls, in milliseconds. */
  get averageMs(): number | undefined {
    return this.#averageMs
  }

  get status(): InstanceStatus {
    const health = this.isExcluded ? 'unhealthy' : this.#check.health
    const latencyMs = this.#averageMs ?? this.#check.latencyMs
    return {
      ...this.instance.status,
      ...(this.url !== undefined && { url: shownUrl(this.url) }),
      ...(health !== undefined && { health }),
      ...(latencyMs !== undefined && { latencyMs: Math.round(latencyMs * 10) / 10 }),
    }
  }

  /** Applies the parts of a definition that do not affect the connection. */
  update(definition: ServerDefinition, weight: number): void {
    this.#weight = weight
    this.instance.update(definitionAt(definition, this.url))
    this.#check.updated()
  }

  /** Records that a call was answered, `at` in monotonic milliseconds. */
  answered(at: number, tookMs: number): void {
    this.#answeredAt = at
    this.#averageMs =
      this.#averageMs === undefined ? tookMs : this.#averageMs + (tookMs - this.#averageMs) * NEWEST
  }

  #onState(reason: string | undefined): void {
    if (this.instance.state === 'ready') this.#check.start(this.instance.life)
    else {
      this.#check.stop()
      this.ejection.reset()
    }
    this.#events.onChange(reason)
  }

  /** An unhealthy process is replaced; an unhealthy endpoint may recover. */
  #onHealth(health: Health | undefined, reason: string | undefined): void {
    if (health !== 'unhealthy' || this.url !== undefined) this.#events.onChange(reason)
    else {
      this.#check.forget()
      this.instance.lose(reason ?? 'it is unhealthy')
    }
  }

  async #probe(options: { timeoutMs: number; signal: AbortSignal }): Promise<void> {
    const { connection } = this
    const { definition } = this.instance
    const { path } = definition.healthCheck
    const { clock, outbound } = this.#context
    if (this.url !== undefined && path !== undefined)
      await probePath(this.url, path, { clock, outbound: outbound.of(definition), ...options })
    else if (connection !== undefined) await probeConnection(connection, options)
  }
}
