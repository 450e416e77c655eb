import { ConcurrencyLimit } from '../../upstream/pool/admission/concurrency-limit.ts'

/** Limits how many calls of a tenant may be in flight at servers; further calls wait in the queues of their pools. */
export class TenantShares {
  readonly #maxOf: (tenantId: string) => number | undefined
  readonly #shares = new Map<string, ConcurrencyLimit>()

  /** @param options.maxOf the tenant's quota; undefined for none */
  constructor(options: { maxOf: (tenantId: string) => number | undefined }) {
    this.#maxOf = options.maxOf
  }

  /** The share of a tenant; undefined if it has no limit. */
  of(tenantId: string): ConcurrencyLimit | undefined {
    const max = this.#maxOf(tenantId)
    if (max === undefined) return undefined
    const known = this.#shares.get(tenantId)
    if (known !== undefined) return known
    const share = new ConcurrencyLimit({ max })
    this.#shares.set(tenantId, share)
    return share
  }

  /** Applies the current quotas. */
  quotasChanged(): void {
    for (const [tenantId, share] of this.#shares)
      share.max = this.#maxOf(tenantId) ?? Number.POSITIVE_INFINITY
  }
}
