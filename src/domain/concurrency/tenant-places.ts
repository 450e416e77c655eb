import { addTo } from './counts.ts'

/** Limits how many of something there are at the same time: those of one tenant, and all together. */
export class TenantPlaces {
  readonly #ofTenant: number
  readonly #ofAll: number
  readonly #taken = new Map<string, number>()
  #total = 0

  constructor(options: { ofTenant: number; ofAll: number }) {
    this.#ofTenant = options.ofTenant
    this.#ofAll = options.ofAll
  }

  /** Takes a place; the returned function gives it back and is idempotent. Undefined if there is none. */
  take(tenantId: string): (() => void) | undefined {
    if (this.#total >= this.#ofAll || (this.#taken.get(tenantId) ?? 0) >= this.#ofTenant) return undefined
    this.#change(tenantId, 1)
    let isTaken = true
    return () => {
      if (isTaken) this.#change(tenantId, -1)
      isTaken = false
    }
  }

  #change(tenantId: string, by: number): void {
    this.#total += by
    addTo(this.#taken, tenantId, by)
  }
}
