import type { Clock } from '../../domain/clock.ts'
import type { ConcurrencyLimit } from './concurrency-limit.ts'
import type { Connection } from '../connection/connection.ts'
import type { Member } from './member.ts'
import type { Patience } from './patience.ts'

/** How a call is run. */
export interface RunOptions extends Patience {
  /** Calls with the same key go to the same instance where the server wants that, for as long as it is there. */
  readonly stickyKey?: string
  /** The part of the places that the caller has with others: no more calls than that at the same time. */
  readonly share?: ConcurrencyLimit
}

/** What a call needs of an instance. */
export interface Wanted extends RunOptions {
  /** No call, but something between the gateway and the one instance that leads the pool. */
  readonly isForLead?: boolean
  /** Any connection but this one. */
  readonly except?: Connection
}

/** A place for a call, taken. */
export interface Grant {
  readonly member: Member
  readonly connection: Connection
}

/** A queued call: what it needs, and how it is given a place. */
export interface Waiter {
  readonly wanted: Wanted
  readonly grant: (grant: Grant) => void
}

/** Calls that wait for a place, the longest first. What is granted to one is never lost to its caller's going away. */
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
   * @param ends what becomes of the call when its caller goes away, at its deadline, and when it has waited for
   * `limitMs`: that may be nothing, for as long as the instances start
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

  /** Nothing comes of it for any of them. */
  failAll(error: () => Error): void {
    for (const fail of this.#waiters.values()) fail(error())
  }
}
