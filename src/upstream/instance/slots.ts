import type { Clock } from '../../domain/clock.ts'

/** How many slow ones there may be for each slot. */
const SLOW_PER_SLOT = 16
/** How many a tenant may have under way for each slot: others have room for theirs when all of these are slow. */
const OF_TENANT_PER_SLOT = 8

/** When a task is slow: it waits for something, and makes the machine busy no more. */
interface Slow {
  readonly clock: Clock
  readonly afterMs: number
}

/** Whose a task is. */
export interface Owner {
  readonly tenantId: string
  /** The same came to nothing before: it comes after what was not tried yet, and gets half of the slots at most. */
  readonly isRetry?: boolean
}

interface Task {
  readonly isRetry: boolean
  readonly begin: () => void
}

/** What a tenant has waiting and under way. */
class Share {
  readonly first = new Set<Task>()
  readonly retries = new Set<Task>()
  /** Under way, the slow ones too. */
  running = 0
  /** Of those that are slow. */
  slow = 0
  /** Retries that are not slow. */
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
 * Lets at most a fixed number of tasks run at the same time; the others wait. The tenant with the fewest under way is
 * next, so that nobody waits for all that somebody else has. A slow task gives its slot to others, within bounds, where
 * it is said what is slow.
 */
export class Slots {
  readonly #count: number
  readonly #whenSlow: Slow | undefined
  /** Those that were served longest ago come first. */
  readonly #shares = new Map<string, Share>()
  #taken = 0
  #slow = 0

  constructor(options: { count: number; slow?: Slow }) {
    this.#count = options.count
    this.#whenSlow = options.slow
  }

  /** Runs `task` when it is its turn. Rejects with the signal's reason when it is aborted before that. */
  async use<T>(
    task: () => Promise<T>,
    signal: AbortSignal,
    { tenantId, isRetry = false }: Owner = { tenantId: '' },
  ): Promise<T> {
    signal.throwIfAborted()
    const share = this.#shareOf(tenantId)
    try {
      const turn = this.#turn(share, isRetry, signal)
      // Where it is its turn at once, the task begins at once.
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

  #forgetIdle(tenantId: string, share: Share): void {
    if (share.isIdle) this.#shares.delete(tenantId)
  }

  #shareOf(tenantId: string): Share {
    const share = this.#shares.get(tenantId) ?? new Share()
    this.#shares.set(tenantId, share)
    return share
  }

  /** The slot is taken for the task when this resolves, or at once where it is undefined. */
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

  /** Says how to give a slot back that has just been taken; before that it is given back when the task is slow. */
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
      if (next === undefined) return
      const { tenantId, share, task } = next
      share.queueOf(task).delete(task)
      share.running += 1
      if (task.isRetry) share.retrying += 1
      this.#taken += 1
      // To the end of the row.
      this.#shares.delete(tenantId)
      this.#shares.set(tenantId, share)
      task.begin()
    }
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
