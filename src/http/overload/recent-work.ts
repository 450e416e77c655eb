import { addTo } from '../../domain/concurrency/counts.ts'

/** A call takes one or two of this thread's milliseconds; what has been there for longer waits for something else. */
const RECENT_MS = 50

/**
 * The work in progress that began a moment ago, and so may be what keeps the event loop busy; calls that wait for slow
 * servers are not among it. Time is that of this thread's work, so that it does not matter how busy the machine is.
 */
export class RecentWork {
  readonly #readWork: () => number
  /**
   * The work of this thread until it began, in milliseconds, by its number, in the order in which it began. Numbers only:
   * what else a map keeps outlives the requests.
   */
  readonly #begun = new Map<number, number>()
  /** Its tenant, where it was added with one. */
  readonly #tenants = new Map<number, string>()
  readonly #ofTenants = new Map<string, number>()
  #last = 0
  #work: number

  /** @param options.readWork milliseconds for which this thread has worked; it is asked only where that decides something */
  constructor(options: { readWork: () => number }) {
    this.#readWork = options.readWork
    this.#work = options.readWork()
  }

  get size(): number {
    return this.#begun.size
  }

  /** How much there is of a tenant, of what was added with one. */
  of(tenant: string): number {
    return this.#ofTenants.get(tenant) ?? 0
  }

  /** @returns the number under which it is removed */
  add(tenant: string | undefined): number {
    this.#last += 1
    this.#begun.set(this.#last, this.#work)
    if (tenant === undefined) return this.#last
    this.#tenants.set(this.#last, tenant)
    addTo(this.#ofTenants, tenant, 1)
    return this.#last
  }

  /** Also of what was forgotten. */
  delete(number: number): void {
    if (!this.#begun.delete(number)) return
    const tenant = this.#tenants.get(number)
    if (tenant === undefined) return
    this.#tenants.delete(number)
    addTo(this.#ofTenants, tenant, -1)
  }

  /** Whether there is less than `limit`. */
  isBelow(limit: number): boolean {
    if (this.#begun.size < limit) return true
    this.forget()
    return this.#begun.size < limit
  }

  /** Forgets what began long ago. */
  forget(): void {
    this.#work = this.#readWork()
    for (const [number, at] of this.#begun) {
      if (this.#work - at < RECENT_MS) return
      this.delete(number)
    }
  }
}
