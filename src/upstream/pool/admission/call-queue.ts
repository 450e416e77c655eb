import type { Clock } from '../../../domain/clock.ts'
import type { ConcurrencyLimit } from './concurrency-limit.ts'
import type { Connection } from '../../connection/connection.ts'
import type { Member } from '../members/member.ts'
import type { Patience } from './deadline.ts'

/** The limits and the affinity of one call. */
export interface RunOptions extends Patience {
  /** Calls with the same key go to the same instance while it is available, if the server has `stickySessions`. */
  readonly stickyKey?: string
  /** The concurrency limit that the caller shares with others, such as its tenant's. */
  readonly share?: ConcurrencyLimit
}

/** What a call requires of an instance. */
export interface Wanted extends RunOptions {
  /**
   * Whether it goes to the leader of the pool and takes no place; it is then no call, but a request of the gateway's
   * own.
   */
  readonly isForLead?: boolean
  /** The connection that it must not use. */
  readonly except?: Connection
}

/** A place that a call has taken. */
export interface Grant {
  readonly member: Member
  readonly connection: Connection
}

/** A queued call: what it needs, and how it is given a place. */
export interface Waiter {
  readonly wanted: Wanted
  readonly grant: (grant: Grant) => void
}

/** Calls that wait for a place, the longest first. A place that is granted is never lost when its caller cancels. */
export class CallQueue {
  readonly #clock: Clock
  readonly #waiters = new Map<Waiter, (error: unknown) => void>()

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  get length(): number {
    return this.#waiters.size
  }

  get waiters(): Iterable<Waiter> {
    return this.#waiters.keys()
  }

  /**
   * Resolves with a place.
   * @param ends the error when the caller cancels, at the deadline, and after `limitMs`; the last may be undefined,
   * while instances start, and the call then waits on
   */
  wait(
    wanted: Wanted,
    limitMs: number,
    ends: { cancelled: () => Error; late: () => Error; overdue: () => Error | undefined },
  ): Promise<Grant> {
    const { signal, deadlineAt } = wanted
    const { promise, resolve, reject } = Promise.withResolvers<Grant>()
    const fail = (error: unknown): void => {
      if (end()) reject(error)
    }
    const waiter: Waiter = {
      wanted,
      grant: (grant) => {
        if (end()) resolve(grant)
      },
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
    const end = (): boolean => {
      if (!this.#waiters.delete(waiter)) return false
      cancelDeadline()
      cancelLimit?.()
      signal?.removeEventListener('abort', abort)
      return true
    }
    this.#waiters.set(waiter, fail)
    signal?.addEventListener('abort', abort, { once: true })
    if (signal?.aborted === true) abort()
    return promise
  }

  /** Fails all waiting calls. */
  failAll(error: () => Error): void {
    for (const fail of this.#waiters.values()) fail(error())
  }
}
