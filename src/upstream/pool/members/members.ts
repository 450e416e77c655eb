import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import { Weighted } from '../balancer/weighted.ts'
import type { ClientSide } from '../../messages/client-side.ts'
import type { InstanceContext, InstanceStatus } from '../../instance/instance-context.ts'
import type { InstanceState } from '../../instance/instance-state.ts'
import { Member, type MemberEvents } from './member.ts'
import { type PoolSize, sizeOf } from '../../instance/pool-size.ts'
import { type Target, targetsOf } from '../../instance/targets.ts'

/** The state of a pool is the first of these that one of its instances has. */
const BEST_FIRST: readonly InstanceState[] = ['ready', 'starting', 'backing_off', 'failed', 'draining']

/** What a roster makes its members from. */
export interface RosterOptions {
  readonly definition: ServerDefinition
  readonly context: InstanceContext
  readonly client: ClientSide | undefined
  /**
   * Whether callers need the same instance: there is a second one only until it is known which of them is available.
   */
  readonly isSolo: boolean
  /** Whether it keeps at least one process, because the pool as a whole ends when it is idle. */
  readonly isKept: boolean
  readonly nextId: () => string
  readonly events: MemberEvents
  /** An instance was removed. */
  readonly onLeave: (reason: string) => void
}

/** The instances of a pool: one for each endpoint, or as many processes as the load requires. */
export class Roster {
  readonly #options: RosterOptions
  readonly #leaving = new Map<Member, Promise<void>>()
  #definition: ServerDefinition
  #size: PoolSize
  #members: readonly Member[] = []
  #lastOrder = 0
  #isStarted = false

  constructor(options: RosterOptions) {
    this.#options = options
    this.#definition = options.definition
    this.#size = this.#sizeNow()
    const targets = targetsOf(options.definition)
    if (options.isSolo && targets.length > 0) this.#add(this.#anyOf(targets))
    else if (targets.length > 0) for (const target of targets) this.#add(target)
    else this.#add()
  }

  get members(): readonly Member[] {
    return this.#members
  }

  get size(): PoolSize {
    return this.#size
  }

  get statuses(): InstanceStatus[] {
    return [...this.#members, ...this.#leaving.keys()].map(({ status }) => status)
  }

  get state(): InstanceState {
    const states = new Set(this.#members.map(({ instance }) => instance.state))
    return BEST_FIRST.find((state) => states.has(state)) ?? 'stopped'
  }

  /** Whether a connection is expected soon, without a failure before it. */
  get isExpected(): boolean {
    return this.#members.some(({ instance }) => instance.isExpected)
  }

  /** Milliseconds until an instance that backs off starts again. */
  get retryAfterMs(): number | undefined {
    const waits = this.#members.flatMap(({ instance }) => instance.retryAfterMs ?? [])
    return waits.length === 0 ? undefined : Math.min(...waits)
  }

  start(): void {
    this.#isStarted = true
    if (this.#isOfProcesses) this.#fill(Math.max(1, this.#size.min))
    for (const { instance } of this.#members) instance.start()
  }

  /** Starts more processes for waiting calls, if those that are starting do not suffice. */
  grow(waiting: number): void {
    if (!this.#isOfProcesses) return
    const { callsPerInstance, max } = this.#size
    const starting = this.#members.filter(({ instance }) => instance.state === 'starting').length
    const lacking = Math.ceil(waiting / callsPerInstance) - starting
    this.#fill(Math.min(max, this.#members.length + Math.max(0, lacking)))
  }

  /**
   * Stops processes until there are `count`; those with calls are kept, and `kept` goes last. Processes that have
   * failed permanently go first, down to the minimum size, so that others can be started in their place.
   */
  shrink(count: number, kept: Member | undefined, reason: string): void {
    const newestFirst = this.#members.toReversed().filter((member) => member !== kept)
    const failed = newestFirst.filter(({ instance }) => instance.state === 'failed')
    for (const member of failed)
      if (this.#members.length > Math.min(count, this.#size.min)) this.#dismiss(member, 'it failed')
    for (const member of [...newestFirst, ...(kept === undefined ? [] : [kept])]) {
      if (this.#members.length <= count) return
      if (member.inFlight === 0 && this.#members.includes(member)) this.#dismiss(member, reason)
    }
  }

  /** Tries the next endpoint for callers that need the same instance; returns false if all were tried. */
  startNext(): boolean {
    const targets = targetsOf(this.#definition)
    const tried = new Set(this.#members.map(({ url }) => url))
    const last = targets.findIndex(({ url }) => url === this.#members.at(-1)?.url)
    const inTurn = [...targets.slice(last + 1), ...targets.slice(0, last + 1)]
    const next = inTurn.find(({ url }) => !tried.has(url))
    if (!this.#options.isSolo || next === undefined) return false
    this.#isStarted = true
    this.#add(next)
    return true
  }

  /**
   * Keeps this instance for callers that need the same one, and removes the others, except one that is starting and may
   * replace it.
   */
  keepOnly(kept: Member): void {
    for (const member of this.#members)
      if (member !== kept && !member.instance.isExpected)
        this.#dismiss(member, 'another instance has replaced it')
  }

  /** Applies a definition: instances that it still names are kept, others are added and removed one by one. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    this.#size = this.#sizeNow()
    if (this.#isOfProcesses) this.#updateProcesses()
    else this.#updateEndpoints()
  }

  /** Stops all instances permanently. */
  async stop(reason: string, options: { atOnce?: boolean }): Promise<void> {
    const all = [...this.#members, ...this.#leaving.keys()]
    await Promise.all(all.map(({ instance }) => instance.stop(reason, options)))
  }

  get #isOfProcesses(): boolean {
    return this.#definition.transport === 'stdio'
  }

  #sizeNow(): PoolSize {
    const { isSolo, isKept } = this.#options
    const size = sizeOf(this.#definition, { isSolo })
    return isKept && size.min === 0 ? { ...size, min: Math.min(1, size.max) } : size
  }

  #updateProcesses(): void {
    for (const member of this.#members) member.update(this.#definition, 1)
    this.shrink(this.#size.max, this.#members[0], 'the pool is scaling in')
    if (this.#isStarted && this.#size.min > 0) this.#fill(this.#size.min)
  }

  /** Adds new endpoints before it removes old ones, so that the pool always has instances. */
  #updateEndpoints(): void {
    const missing = [...targetsOf(this.#definition)]
    const gone: Member[] = []
    for (const member of this.#members) {
      const index = missing.findIndex(({ url }) => url === member.url)
      const [target] = index === -1 ? [] : missing.splice(index, 1)
      if (target === undefined) gone.push(member)
      else member.update(this.#definition, target.weight)
    }
    if (!this.#options.isSolo) for (const target of missing) this.#add(target)
    else if (gone.length === this.#members.length && missing.length > 0) this.#add(this.#anyOf(missing))
    for (const member of gone) this.#dismiss(member, 'the server no longer exists')
  }

  #fill(count: number): void {
    while (this.#members.length < count) this.#add()
  }

  #add(target?: Target): void {
    const { context, client, nextId, events } = this.#options
    this.#lastOrder += 1
    const member = new Member({
      id: nextId(),
      order: this.#lastOrder,
      definition: this.#definition,
      target,
      context,
      client,
      events,
    })
    this.#members = [...this.#members, member]
    if (this.#isStarted) member.instance.start()
  }

  #dismiss(member: Member, reason: string): void {
    this.#members = this.#members.filter((other) => other !== member)
    const left = member.instance.stop(reason).finally(() => this.#leaving.delete(member))
    this.#leaving.set(member, left)
    this.#options.onLeave(reason)
  }

  #anyOf(targets: readonly Target[]): Target | undefined {
    const balancer = new Weighted({ random: this.#options.context.random })
    return balancer.pick(targets.map((target, order) => ({ ...target, id: target.url, order, inFlight: 0 })))
  }
}
