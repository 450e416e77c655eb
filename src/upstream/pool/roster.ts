import type { ServerDefinition } from '../../domain/documents/server-definition.ts'
import { Weighted } from './balancer/weighted.ts'
import type { ClientSide } from '../messages/client-side.ts'
import type { InstanceContext, InstanceStatus } from '../instance/instance-context.ts'
import type { InstanceState } from '../instance/instance-state.ts'
import { Member, type MemberEvents } from './member.ts'
import { type PoolSize, sizeOf } from '../instance/pool-size.ts'
import { type Target, targetsOf } from '../instance/targets.ts'

/** The state of several instances is the first of these that one of them is in. */
const BEST_FIRST: readonly InstanceState[] = ['ready', 'starting', 'backing_off', 'failed', 'draining']

/** What a roster makes its members from. */
export interface RosterOptions {
  readonly definition: ServerDefinition
  readonly context: InstanceContext
  readonly client: ClientSide | undefined
  /** The callers need one and the same instance: there is a second one only until it is known which of them is there. */
  readonly isSolo: boolean
  /** The pool as a whole ends when it is idle: it keeps at least one process. */
  readonly isKept: boolean
  readonly nextId: () => string
  readonly events: MemberEvents
  /** An instance was let go of. */
  readonly onLeave: (reason: string) => void
}

/** Who belongs to a pool: one instance for each endpoint, or as many processes as it takes. */
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

  /** Whether a connection is about to be there without there having been a failure. */
  get isExpected(): boolean {
    return this.#members.some(({ instance }) => instance.isExpected)
  }

  /** Until the next start of an instance that backs off, in milliseconds. */
  get retryAfterMs(): number | undefined {
    const waits = this.#members.flatMap(({ instance }) => instance.retryAfterMs ?? [])
    return waits.length === 0 ? undefined : Math.min(...waits)
  }

  start(): void {
    this.#isStarted = true
    if (this.#isOfProcesses) this.#fill(Math.max(1, this.#size.min))
    for (const { instance } of this.#members) instance.start()
  }

  /** Starts more processes for calls that wait, as far as those that start already are not enough. */
  grow(waiting: number): void {
    if (!this.#isOfProcesses) return
    const { callsPerInstance, max } = this.#size
    const starting = this.#members.filter(({ instance }) => instance.state === 'starting').length
    const lacking = Math.ceil(waiting / callsPerInstance) - starting
    this.#fill(Math.min(max, this.#members.length + Math.max(0, lacking)))
  }

  /**
   * Lets processes go until there are `count`, but none that has calls, and `kept` last. Those that have failed for good
   * go first, down to the fewest that there are to be, so that others can be started in their place.
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

  /** Tries the next endpoint for callers who need a single one; says whether there is one that was not tried. */
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

  /** Callers who need a single instance have it. One that just starts may be about to take its place. */
  keepOnly(kept: Member): void {
    for (const member of this.#members)
      if (member !== kept && !member.instance.isExpected) this.#dismiss(member, 'another instance is there')
  }

  /** Takes over a definition: instances that are in it stay as they are, others come and go one by one. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    this.#size = this.#sizeNow()
    if (this.#isOfProcesses) this.#updateProcesses()
    else this.#updateEndpoints()
  }

  /** For good. */
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
    this.shrink(this.#size.max, this.#members[0], 'the pool is to be smaller')
    if (this.#isStarted && this.#size.min > 0) this.#fill(this.#size.min)
  }

  /** New ones first, so that the pool is never without instances. */
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
    for (const member of gone) this.#dismiss(member, 'the server is not there any more')
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
