import { FairQueue, type QueuePlace } from '../domain/concurrency/fair-queue.ts'

/**
 * Queries of records, one at a time, for which tenants take turns: however many one of them asks for, the query of another
 * and what is written wait for no more than the one that is under way.
 */
export class QueryTurns {
  readonly #waiting = new FairQueue<() => void>()
  /** Whose query was begun last. */
  #last: string | undefined
  #isBusy = false

  /** Does the work when it is the tenant's turn. */
  async run<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    if (this.#isBusy) await this.#turn(tenantId)
    this.#isBusy = true
    this.#last = tenantId
    try {
      return await work()
    } finally {
      this.#next()
    }
  }

  #turn(tenantId: string): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#waiting.add(resolve, { tenant: tenantId, principal: '' })
    return promise
  }

  #next(): void {
    const place = this.#ofAnother() ?? this.#waiting.first
    // It stays busy for the one that begins next.
    this.#isBusy = place !== undefined
    const begin = place?.item
    if (place !== undefined) this.#waiting.served(place)
    begin?.()
  }

  /** A tenant that has just come does not wait for a second query of one that has many. */
  #ofAnother(): QueuePlace<() => void> | undefined {
    for (const place of this.#waiting) if (place.owner.tenant !== this.#last) return place
    return undefined
  }
}
