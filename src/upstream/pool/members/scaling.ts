import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import { type PoolSize, sizeOf } from '../../instance/pool-size.ts'
import { type Target, targetsOf } from '../../instance/targets.ts'
import { Weighted } from '../balancer/weighted.ts'
import type { Member } from './member.ts'
import type { MemberSet } from './member-set.ts'

/** What decides how many members a pool has, and which. */
export interface ScalingOptions {
  readonly definition: ServerDefinition
  readonly set: MemberSet
  /**
   * Whether callers need the same instance: there is a second one only until it is known which of them is available.
   */
  readonly isSolo: boolean
  /** Whether at least one process is kept, because the pool as a whole ends when it is idle. */
  readonly isKept: boolean
  readonly random: () => number
}

/** Adds and removes the members of a pool: one for each endpoint, or as many processes as the load requires. */
export class Scaling {
  readonly #options: ScalingOptions
  readonly #set: MemberSet
  #definition: ServerDefinition
  /** What the definition says. */
  size: PoolSize

  constructor(options: ScalingOptions) {
    const { definition, set } = options
    this.#options = options
    this.#set = set
    this.#definition = definition
    this.size = this.#sizeNow()
    if (this.#isOfProcesses) set.add(definition)
    else for (const target of this.#chosen(targetsOf(definition))) set.add(definition, target)
  }

  /** Whether there are processes that could be stopped. */
  get hasExcess(): boolean {
    return this.#isOfProcesses && this.#set.present.length > this.size.min
  }

  start(): void {
    if (this.#isOfProcesses) this.#fill(Math.max(1, this.size.min))
    this.#set.start()
  }

  /** Starts more processes for calls that wait, if those that are starting do not suffice. */
  grow(waiting: number): void {
    if (!this.#isOfProcesses) return
    const { present } = this.#set
    this.#fill(present.length + processesToStart(present, this.size, waiting))
  }

  /** Stops processes that this many concurrent calls do not need, down to the minimum size; `last` goes last. */
  shrink(calls: number, last: Member | undefined): void {
    const { min, max, callsPerInstance } = this.size
    const needed = Math.max(Math.ceil(calls / callsPerInstance), min)
    this.#shrinkTo(Math.min(needed, max), last, 'it was not needed')
  }

  /** Applies a definition: members that it still names are kept, others are added and removed. */
  update(definition: ServerDefinition): void {
    this.#definition = definition
    this.size = this.#sizeNow()
    if (this.#isOfProcesses) this.#updateProcesses()
    else this.#updateEndpoints()
  }

  /** Tries the next endpoint for callers that need the same instance; returns false if all were tried. */
  tryNextEndpoint(): boolean {
    const next = nextEndpoint(this.#set.present, targetsOf(this.#definition))
    if (!this.#options.isSolo || next === undefined) return false
    this.#set.add(this.#definition, next)
    return true
  }

  /** For callers that need the same instance: keeps this one, and one that is starting and may replace it. */
  keepOne(kept: Member): void {
    if (!this.#options.isSolo) return
    const others = this.#set.present.filter((member) => member !== kept && !member.instance.isExpected)
    this.#set.remove(new Set(others), 'another instance has replaced it')
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
    const { present, isStarted } = this.#set
    for (const member of present) member.update(this.#definition, 1)
    this.#shrinkTo(this.size.max, present[0], 'the pool is scaling in')
    if (isStarted && this.size.min > 0) this.#fill(this.size.min)
  }

  /** Adds new endpoints before it removes old ones, so that the pool always has instances. */
  #updateEndpoints(): void {
    const { kept, gone, missing } = endpointChange(this.#set.present, targetsOf(this.#definition))
    for (const [member, { weight }] of kept) member.update(this.#definition, weight)
    const isNeeded = !this.#options.isSolo || kept.size === 0
    if (isNeeded) for (const target of this.#chosen(missing)) this.#set.add(this.#definition, target)
    this.#set.remove(gone, 'the server no longer exists')
  }

  /** Those of the endpoints that get a member. */
  #chosen(targets: readonly Target[]): readonly Target[] {
    const { isSolo, random } = this.#options
    return isSolo ? randomEndpoint(targets, random) : targets
  }

  #fill(count: number): void {
    while (this.#set.present.length < count) this.#set.add(this.#definition)
  }

  #shrinkTo(count: number, last: Member | undefined, reason: string): void {
    const { min } = this.size
    this.#set.remove(processesToStop(this.#set.present, { count, min, last }), reason)
  }
}

/** How many processes to start for calls that wait, in addition to those that are starting. */
function processesToStart(
  members: readonly Member[],
  { callsPerInstance, max }: PoolSize,
  waiting: number,
): number {
  const starting = members.filter(({ instance }) => instance.state === 'starting').length
  const lacking = Math.ceil(waiting / callsPerInstance) - starting
  return Math.max(0, Math.min(max - members.length, lacking))
}

/**
 * The processes to stop until there are `count`; those with calls are kept, and `last` goes last. Processes that have
 * failed permanently go first, down to the minimum size, so that others can be started in their place.
 */
function processesToStop(
  members: readonly Member[],
  { count, min, last }: { count: number; min: number; last: Member | undefined },
): ReadonlySet<Member> {
  const leaving = new Set<Member>()
  const newestFirst = members.toReversed().filter((member) => member !== last)
  for (const member of newestFirst) {
    const isFailed = member.instance.state === 'failed'
    if (isFailed && members.length - leaving.size > Math.min(count, min)) leaving.add(member)
  }
  for (const member of last === undefined ? newestFirst : [...newestFirst, last]) {
    if (members.length - leaving.size <= count) break
    if (member.inFlight === 0) leaving.add(member)
  }
  return leaving
}

/** How the endpoints of a server's definition differ from those that members were made for. */
interface EndpointChange {
  /** The members that stay, with their endpoints in the definition. */
  readonly kept: ReadonlyMap<Member, Target>
  readonly gone: ReadonlySet<Member>
  /** The endpoints that no member was made for. */
  readonly missing: readonly Target[]
}

/** Compares members with the endpoints that a definition names. */
function endpointChange(members: readonly Member[], targets: readonly Target[]): EndpointChange {
  const missing = [...targets]
  const kept = new Map<Member, Target>()
  const gone = new Set<Member>()
  for (const member of members) {
    const index = missing.findIndex(({ url }) => url === member.url)
    const [target] = index === -1 ? [] : missing.splice(index, 1)
    if (target === undefined) gone.add(member)
    else kept.set(member, target)
  }
  return { kept, gone, missing }
}

/** The endpoint after that of the newest member, round-robin; undefined if each has a member. */
function nextEndpoint(members: readonly Member[], targets: readonly Target[]): Target | undefined {
  const tried = new Set(members.map(({ url }) => url))
  const last = targets.findIndex(({ url }) => url === members.at(-1)?.url)
  return [...targets.slice(last + 1), ...targets.slice(0, last + 1)].find(({ url }) => !tried.has(url))
}

/** At most one of the endpoints, at random in proportion to their weights. */
function randomEndpoint(targets: readonly Target[], random: () => number): readonly Target[] {
  const candidates = targets.map((target, order) => ({ ...target, id: target.url, order, inFlight: 0 }))
  const picked = new Weighted({ random }).pick(candidates)
  return picked === undefined ? [] : [picked]
}
