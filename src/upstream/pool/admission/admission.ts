import type { Clock } from '../../../domain/clock.ts'
import { GatewayError } from '../../../domain/errors/errors.ts'
import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import type { Balancer } from '../balancer/balancer.ts'
import { algorithmOf, createBalancer } from '../balancer/choose-balancer.ts'
import { ConsistentHash } from '../balancer/consistent-hash.ts'
import type { Member } from '../members/member.ts'
import type { Members } from '../members/members.ts'
import { CallQueue, NOBODY, type Permit, type Wanted } from './call-queue.ts'
import type { ConcurrencyLimit } from './concurrency-limit.ts'
import { LongWaits } from './long-waits.ts'
import { TenantReserve } from './tenant-reserve.ts'

const SHORTEST_RETRY_MS = 250
const LONGEST_RETRY_MS = 30_000
/** Assumed duration of a call before any was measured. */
const UNKNOWN_CALL_MS = 1000

/** What a pool admits calls with. */
export interface AdmissionOptions {
  readonly definition: ServerDefinition
  readonly members: Members
  /** The limit that all pools of the server share. */
  readonly limit: ConcurrencyLimit
  readonly clock: Clock
  /** Gives numbers from 0 to below 1. */
  readonly random: () => number
  /** A call to the server of that name was refused because the pool is busy. */
  readonly onBusy: ((server: string) => void) | undefined
}

/** Admission of calls to the members of a pool: the permits of the members, and the queue of calls that wait for one. */
export class Admission {
  readonly #members: Members
  readonly #limit: ConcurrencyLimit
  readonly #random: () => number
  readonly #onBusy: AdmissionOptions['onBusy']
  readonly #queue: CallQueue
  /** What waits for the leader, which may be at its limit of calls. */
  readonly #leaderQueue: CallQueue
  /** Always the same function, so that a limit registers it only once. */
  readonly #serveLater = (): void => this.#serve()
  readonly #longWaits = new LongWaits()
  /** Undefined where all calls are of one tenant. */
  readonly #reserve: TenantReserve | undefined
  #definition: ServerDefinition
  #balancer: Balancer
  #stickyBalancer: Balancer | undefined

  constructor(options: AdmissionOptions) {
    const { definition, members, clock, random } = options
    const { load } = members
    this.#members = members
    this.#limit = options.limit
    this.#random = random
    this.#onBusy = options.onBusy
    this.#queue = new CallQueue({ clock, load })
    this.#leaderQueue = new CallQueue({ clock, load })
    this.#reserve = definition.sharing === 'global' ? new TenantReserve({ clock }) : undefined
    this.#definition = definition
    this.#balancer = createBalancer(algorithmOf(definition), { random })
    this.#stickyBalancer = stickyBalancerOf(definition, random)
    members.onChange(() => this.#membersChanged())
  }

  update(definition: ServerDefinition): void {
    if (algorithmOf(definition) !== algorithmOf(this.#definition))
      this.#balancer = createBalancer(algorithmOf(definition), { random: this.#random })
    if (definition.stickySessions !== this.#definition.stickySessions)
      this.#stickyBalancer = stickyBalancerOf(definition, this.#random)
    this.#definition = definition
  }

  /** Takes a free permit if no call waits before this one. */
  admit(wanted: Wanted): Permit | undefined {
    if (wanted.isForLeader === true) return this.#takeLeader(wanted)
    const { load } = this.#members
    const permit = load.waiting > 0 && this.#queue.length > 0 ? undefined : this.#take(wanted)
    if (permit !== undefined) load.rise()
    return permit
  }

  /**
   * Waits for a permit. The first call starts the members and waits for them; later ones fail at once while none is
   * available.
   * @throws GatewayError `upstream_busy` at once if the queue is full, and after the server's `pool.queueTimeoutMs`;
   * `upstream_unavailable` if no member is ready in time; `cancelled`
   */
  async wait(wanted: Wanted): Promise<Permit> {
    if (!this.#members.ensureStarted()) throw this.#members.unavailable()
    const permit = this.#enqueue(wanted)
    if (this.#isShort) this.#members.grow()
    return permit
  }

  /** Returns a permit, which may be given to a call that waits. */
  release({ member }: Permit, { isForLeader, share, owner }: Wanted): void {
    member.instance.calls.leave()
    if (isForLeader !== true) {
      this.#members.load.leave()
      this.#limit.leave()
      share?.leave()
      this.#reserve?.leave(tenantOf(owner))
    }
    if (this.#members.load.waiting > 0 && this.#queue.length > 0) this.#serve()
  }

  /**
   * Begins a long wait, which lasts until the returned function is called.
   * @throws GatewayError `upstream_busy` if the pool, the server or the caller's tenant has as many as it may have
   */
  beginLongWait({ owner: { principal } = NOBODY, share }: Wanted): () => void {
    const limits = share === undefined ? [this.#limit] : [this.#limit, share]
    const hasRoom =
      this.#longWaits.hasRoom(principal, Math.max(1, this.#permits)) &&
      limits.every(({ longWaits, max }) => longWaits.hasRoom(principal, max))
    if (!hasRoom) throw this.#busy('keeps its other permits for calls that do not wait for a task')
    const waits = [this.#longWaits, ...limits.map(({ longWaits }) => longWaits)]
    for (const each of waits) each.enter(principal)
    return () => {
      for (const each of waits) each.leave(principal)
    }
  }

  async #enqueue(wanted: Wanted): Promise<Permit> {
    const { queueLimit, queueTimeoutMs } = this.#members.scaling.size
    const queue = wanted.isForLeader === true ? this.#leaderQueue : this.#queue
    const isFull = this.#members.load.waiting >= queueLimit
    if (isFull && !queue.makeRoom(wanted.owner, () => this.#busy())) throw this.#busy()
    const permit = queue.wait(wanted, queueTimeoutMs, {
      cancelled: () => new GatewayError('cancelled', undefined, { facts: this.#facts() }),
      late: () => (this.#hasEligible ? this.#busy() : this.#members.unavailable()),
      overdue: () => (this.#hasEligible ? this.#busy() : undefined),
    })
    this.#serve()
    return permit
  }

  get #hasEligible(): boolean {
    return this.#members.eligible.length > 0
  }

  /** Whether calls wait only because the members have no more permits, or keep them for other tenants. */
  get #isShort(): boolean {
    if (this.#queue.length === 0 || !this.#limit.hasRoom) return false
    if (this.#reserve !== undefined) return true
    return !this.#members.eligible.some((member) => this.#hasPermit(member))
  }

  #membersChanged(): void {
    this.#serve()
    if (this.#members.isAvailable) return
    const error = (): GatewayError => this.#members.unavailable()
    this.#queue.failAll(error)
    this.#leaderQueue.failAll(error)
  }

  #serve(): void {
    for (const { wanted, grant } of this.#leaderQueue.waiters()) {
      const permit = this.#takeLeader(wanted)
      if (permit !== undefined) grant(permit)
    }
    for (const { wanted, grant } of this.#queue.waiters()) {
      const permit = this.#take(wanted)
      if (permit !== undefined) grant(permit)
      else if (!this.#mayOvertake(wanted)) return
    }
  }

  /** Whether only this call must wait, so that those behind it may get a permit. */
  #mayOvertake({ share, except, owner }: Wanted): boolean {
    if (!this.#limit.hasRoom) {
      this.#limit.whenRoom(this.#serveLater)
      return false
    }
    if (share?.hasRoom === false) {
      share.whenRoom(this.#serveLater)
      return true
    }
    return except !== undefined || !this.#hasReserved(owner)
  }

  /** Whether the free permits are not all kept for other tenants. */
  #hasReserved(owner: Wanted['owner']): boolean {
    if (this.#reserve === undefined) return true
    const inFlight = this.#members.eligible.reduce((sum, member) => sum + member.inFlight, 0)
    const permits = this.#permits
    return this.#reserve.admits(tenantOf(owner), permits - inFlight, permits)
  }

  /** Those of the members that are available. */
  get #permits(): number {
    const { eligible, scaling } = this.#members
    return eligible.length * scaling.size.callsPerInstance
  }

  #take(wanted: Wanted): Permit | undefined {
    const { share } = wanted
    if (!this.#limit.hasRoom || share?.hasRoom === false || !this.#hasReserved(wanted.owner)) return undefined
    const member = this.#pick(wanted)
    const connection = member?.connection
    if (member === undefined || connection === undefined) return undefined
    member.instance.calls.enter()
    this.#members.load.enter()
    this.#limit.enter()
    share?.enter()
    this.#reserve?.enter(tenantOf(wanted.owner))
    return { member, connection }
  }

  #takeLeader({ except }: Wanted): Permit | undefined {
    const { current } = this.#members.leader
    if (current === undefined || current.connection === except) return undefined
    current.member.instance.calls.enter()
    return current
  }

  #pick({ except, stickyKey }: Wanted): Member | undefined {
    const { eligible } = this.#members
    const [first] = eligible
    if (first === undefined) return undefined
    if (eligible.length === 1)
      return this.#hasPermit(first) && first.connection !== except ? first : undefined
    const free = eligible.filter((member) => this.#hasPermit(member) && member.connection !== except)
    if (free.length <= 1) return free[0]
    const balancer = stickyKey === undefined ? this.#balancer : (this.#stickyBalancer ?? this.#balancer)
    return balancer.pick(free, stickyKey)
  }

  #hasPermit({ inFlight, ejection }: Member): boolean {
    const isOnTrial = this.#members.eligible.length > 1 && ejection.isOnTrial
    return inFlight < (isOnTrial ? 1 : this.#members.scaling.size.callsPerInstance)
  }

  #busy(reason = 'is busy'): GatewayError {
    const { name } = this.#definition
    this.#onBusy?.(name)
    return new GatewayError('upstream_busy', `Server ${name} ${reason}`, {
      facts: { ...this.#facts(), retryAfterMs: this.#retryAfterMs() },
    })
  }

  /** Estimated time until the calls in the queue are done. */
  #retryAfterMs(): number {
    const permits = Math.max(1, this.#permits)
    const callMs = Math.max(0, ...this.#members.eligible.map(({ averageMs = UNKNOWN_CALL_MS }) => averageMs))
    const drainedMs = Math.ceil((callMs * (this.#queue.length + 1)) / permits)
    return Math.min(LONGEST_RETRY_MS, Math.max(SHORTEST_RETRY_MS, drainedMs))
  }

  #facts(): { server: string; mayHaveExecuted: false } {
    return { server: this.#definition.name, mayHaveExecuted: false }
  }
}

function tenantOf(owner: Wanted['owner']): string {
  return owner?.tenant ?? ''
}

function stickyBalancerOf({ stickySessions }: ServerDefinition, random: () => number): Balancer | undefined {
  return stickySessions ? new ConsistentHash({ random }) : undefined
}
