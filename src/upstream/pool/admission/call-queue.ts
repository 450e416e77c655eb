import type { Clock } from '../../../domain/clock.ts'
import { FairQueue, type QueueOwner } from '../../../domain/concurrency/fair-queue.ts'
import type { Connection } from '../../connection/connection.ts'
import type { Load } from '../members/load.ts'
import type { Member } from '../members/member.ts'
import type { ConcurrencyLimit } from './concurrency-limit.ts'
import type { Deadline } from './deadline.ts'

/** The limits and the affinity of one call. */
export interface RunOptions extends Deadline {
  /** Calls with the same key go to the same instance while it is available, if the server has `stickySessions`. */
  readonly stickyKey?: string
  /** On whose account it waits; without it on one that all such calls share. */
  readonly owner?: QueueOwner
  /** The concurrency limit that the caller shares with others, such as its tenant's. */
  readonly share?: ConcurrencyLimit
  /** Whether it only waits at the server, for much longer than calls take. */
  readonly isLongWait?: boolean
}

/** What a call requires of an instance. */
export interface Wanted extends RunOptions {
  /**
   * Whether it goes to the leader of the pool and counts towards no limit; it is then no call, but a request of the
   * gateway's own.
   */
  readonly isForLeader?: boolean
  /** The connection that it must not use. */
  readonly except?: Connection
}

/** The right to use a connection; its holder must release it. */
export interface Permit {
  readonly member: Member
  readonly connection: Connection
}

/** A queued call: what it needs, and how it is given a permit. */
export interface Waiter {
  readonly wanted: Wanted
  readonly grant: (permit: Permit) => void
  readonly fail: (error: unknown) => void
}

/** The account of calls without an owner. */
export const NOBODY: QueueOwner = { tenant: '', principal: '' }

/** Calls that wait for a permit, in fair order. A permit that is granted is never lost when its caller cancels. */
export class CallQueue {
  readonly #clock: Clock
  readonly #load: Load
  readonly #waiters = new FairQueue<Waiter>()

  constructor(options: { clock: Clock; load: Load }) {
    this.#clock = options.clock
    this.#load = options.load
  }

  get length(): number {
    return this.#waiters.size
  }

  /** In fair order. */
  *waiters(): Generator<Waiter> {
    for (const { item } of this.#waiters) if (item !== undefined) yield item
  }

  /**
   * Resolves with a permit.
   * @param ends the error when the caller cancels, at the deadline, and after `limitMs`; the last may be undefined,
   * while instances start, and the call then waits on
   */
  wait(
    wanted: Wanted,
    limitMs: number,
    ends: { cancelled: () => Error; late: () => Error; overdue: () => Error | undefined },
  ): Promise<Permit> {
    const { signal, deadlineAt } = wanted
    const { promise, resolve, reject } = Promise.withResolvers<Permit>()
    const fail = (error: unknown): void => {
      if (end()) reject(error)
    }
    const waiter: Waiter = {
      wanted,
      grant: (permit) => {
        this.#waiters.served(place)
        if (end()) resolve(permit)
      },
      fail,
    }
    const abort = (): void => fail(ends.cancelled())
    const remainingMs = Math.max(0, deadlineAt - this.#clock.monotonic())
    const cancelDeadline = this.#clock.after(remainingMs, () => fail(ends.late()))
    const cancelLimit =
      limitMs >= remainingMs
        ? undefined
        : this.#clock.after(limitMs, () => {
            const error = ends.overdue()
            if (error !== undefined) fail(error)
          })
    let isOver = false
    const end = (): boolean => {
      if (isOver) return false
      isOver = true
      this.#waiters.remove(place)
      this.#load.endWait()
      cancelDeadline()
      cancelLimit?.()
      signal?.removeEventListener('abort', abort)
      return true
    }
    const place = this.#waiters.add(waiter, wanted.owner ?? NOBODY)
    this.#load.wait()
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) abort()
    return promise
  }

  /**
   * Makes room for a call of an owner by failing the newest one of the tenant with the most, if that has more than the
   * owner's; says whether there is room.
   */
  makeRoom({ tenant } = NOBODY, error: () => Error): boolean {
    const newest = this.#waiters.newestOfMoreThan(this.#waiters.sizeOf(tenant) + 1)
    newest?.item?.fail(error())
    return newest !== undefined
  }

  /** Fails all waiting calls. */
  failAll(error: () => Error): void {
    for (const { item } of this.#waiters) item?.fail(error())
  }
}
