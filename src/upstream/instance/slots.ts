import type { Clock } from '../../domain/clock.ts'

/** Limit of slow tasks for each slot. */
const SLOW_PER_SLOT = 16
/** Limit of a tenant's tasks for each slot, so that others have room when all of its tasks are slow. */
const OF_TENANT_PER_SLOT = 8

/** When a task counts as slow: it waits, and no longer uses the processor. */
interface Slow {
  readonly clock: Clock
  readonly afterMs: number
}

/** The owner of a task. */
export interface Owner {
  readonly tenantId: string
  /**
   * Whether the same task failed before: it runs after those not tried yet, and retries get at most half of the slots.
   */
  readonly isRetry?: boolean
}

interface Task {
  readonly isRetry: boolean
  readonly begin: () => void
}

/** A tenant's waiting and running tasks. */
class Share {
  readonly first = new Set<Task>()
  readonly retries = new Set<Task>()
  /** Number of running tasks, including slow ones. */
  running = 0
  /** Number of slow tasks among them. */
  slow = 0
  /** Number of retries that are not slow. */
  retrying = 0

  queueOf({ isRetry }: Task): Set<Task> {
    return isRetry ? this.retries : this.first
  }

  next(count: number): Task | undefined {
    if (this.running - this.slow >= count || this.running >= count * OF_TENANT_PER_SLOT) return undefined
    const mayRetry = this.retrying < Math.ceil(count / 2)
    return oldest(this.first) ?? (mayRetry ? oldest(this.retries) : undefined)
  }

  get isIdle(): boolean {
    return this.running === 0 && this.first.size === 0 && this.retries.size === 0
  }
}

/**
 * Limits concurrent tasks; the others wait. The tenant with the fewest running tasks is next, so that no tenant waits
 * for all tasks of another. A slow task releases its slot, within limits, if it is known when tasks are slow.
 */
export class Slots {
  readonly #count: number
  readonly #whenSlow: Slow | undefined
  /** Tenants that were served longest ago come first. */
  readonly #shares = new Map<string, Share>()
  #taken = 0
  #slow = 0
  /** Told once no slot is taken. */
  readonly #waiting = new Set<() => void>()

  constructor(options: { count: number; slow?: Slow }) {
    this.#count = options.count
    this.#whenSlow = options.slow
  }

  /** How many slots are taken. */
  get taken(): number {
    return this.#taken
  }

  /** Runs `task` when it is its turn. Rejects with the signal's reason if it aborts before that. */
  async use<T>(
    task: () => Promise<T>,
    signal: AbortSignal,
    { tenantId, isRetry = false }: Owner = { tenantId: '' },
  ): Promise<T> {
    signal.throwIfAborted()
    const share = this.#shareOf(tenantId)
    try {
      const turn = this.#turn(share, isRetry, signal)
      // If it is its turn already, the task begins synchronously.
      if (turn !== undefined) await turn
    } catch (error) {
      this.#forgetIdle(tenantId, share)
      throw error
    }
    const giveBack = this.#hold(share, isRetry)
    try {
      signal.throwIfAborted()
      return await task()
    } finally {
      share.running -= 1
      giveBack()
      this.#forgetIdle(tenantId, share)
    }
  }

  /** Resolves when no slot is taken, so that only slow tasks run, or when `until` aborts. */
  async allFree(until: AbortSignal): Promise<void> {
    if (this.#taken === 0 || until.aborted) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const tell = (): void => resolve()
    this.#waiting.add(tell)
    until.addEventListener('abort', tell, { once: true })
    await promise
    this.#waiting.delete(tell)
    until.removeEventListener('abort', tell)
  }

  #forgetIdle(tenantId: string, share: Share): void {
    if (share.isIdle) this.#shares.delete(tenantId)
  }

  #shareOf(tenantId: string): Share {
    const share = this.#shares.get(tenantId) ?? new Share()
    this.#shares.set(tenantId, share)
    return share
  }

  /** Resolves when the slot is taken for the task; undefined if it is taken already. */
  #turn(share: Share, isRetry: boolean, signal: AbortSignal): Promise<void> | undefined {
    const { promise, resolve: begin, reject } = Promise.withResolvers<void>()
    const waiting: Task = { isRetry, begin }
    const queue = share.queueOf(waiting)
    queue.add(waiting)
    this.#serve()
    if (!queue.has(waiting)) return undefined
    const giveUp = (): void => {
      if (queue.delete(waiting)) reject(signal.reason)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    return promise.finally(() => signal.removeEventListener('abort', giveUp))
  }

  /** Returns the function that releases the slot just taken; a slow task releases it earlier. */
  #hold(share: Share, isRetry: boolean): () => void {
    let isSlow = false
    const leaveSlot = (): void => {
      this.#taken -= 1
      if (isRetry) share.retrying -= 1
    }
    const look = (): void => {
      isSlow = this.#slow < this.#count * SLOW_PER_SLOT
      if (!isSlow) {
        cancel = this.#afterSlow(look)
        return
      }
      this.#slow += 1
      share.slow += 1
      leaveSlot()
      this.#serve()
    }
    let cancel = this.#afterSlow(look)
    return () => {
      cancel?.()
      if (isSlow) {
        this.#slow -= 1
        share.slow -= 1
      } else leaveSlot()
      this.#serve()
    }
  }

  #afterSlow(then: () => void): (() => void) | undefined {
    return this.#whenSlow?.clock.after(this.#whenSlow.afterMs, then)
  }

  #serve(): void {
    while (this.#taken < this.#count) {
      const next = this.#next()
      if (next === undefined) break
      const { tenantId, share, task } = next
      share.queueOf(task).delete(task)
      share.running += 1
      if (task.isRetry) share.retrying += 1
      this.#taken += 1
      // Moves it to the end of the order.
      this.#shares.delete(tenantId)
      this.#shares.set(tenantId, share)
      task.begin()
    }
    if (this.#taken > 0) return
    for (const tell of this.#waiting) tell()
  }

  #next(): { tenantId: string; share: Share; task: Task } | undefined {
    let best: { tenantId: string; share: Share; task: Task } | undefined
    for (const [tenantId, share] of this.#shares) {
      if (best !== undefined && share.running >= best.share.running) continue
      const task = share.next(this.#count)
      if (task !== undefined) best = { tenantId, share, task }
    }
    return best
  }
}

function oldest(tasks: ReadonlySet<Task>): Task | undefined {
  return tasks.values().next().value
}
