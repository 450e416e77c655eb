import type { Clock } from '../../../domain/clock.ts'

/** How long it is remembered how many permits a tenant needed: for one to two of these. */
const WINDOW_MS = 5000

interface Use {
  inFlight: number
  /** The most in this window, and in the one before. */
  peak: number
  peakBefore: number
}

/**
 * Keeps permits of a pool free for tenants that used them a moment ago, as many as they used and no more than an equal share,
 * so that none of them waits until a call of another one ends.
 */
export class TenantReserve {
  readonly #clock: Clock
  readonly #uses = new Map<string, Use>()
  #window = 0

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** Whether a tenant may take one of that many free permits, of `permits` in all. */
  admits(tenant: string, free: number, permits: number): boolean {
    this.#turn()
    const tenants = this.#uses.size + (this.#uses.has(tenant) ? 0 : 1)
    const share = Math.floor(permits / tenants)
    // With more tenants than permits none is reserved, which also limits the work below.
    if (share === 0 || free === Infinity) return free > 0
    let reserved = 0
    for (const [name, use] of this.#uses)
      if (name !== tenant) reserved += Math.max(0, Math.min(peakOf(use), share) - use.inFlight)
    return free > reserved
  }

  enter(tenant: string): void {
    this.#turn()
    const use = this.#uses.get(tenant) ?? { inFlight: 0, peak: 0, peakBefore: 0 }
    this.#uses.set(tenant, use)
    use.inFlight += 1
    use.peak = Math.max(use.peak, use.inFlight)
  }

  leave(tenant: string): void {
    const use = this.#uses.get(tenant)
    if (use !== undefined) use.inFlight -= 1
  }

  /** Begins the next window, and forgets the tenants that used none in two of them. */
  #turn(): void {
    const window = Math.floor(this.#clock.monotonic() / WINDOW_MS)
    if (window === this.#window) return
    const isNext = window === this.#window + 1
    this.#window = window
    for (const [name, use] of this.#uses) {
      use.peakBefore = isNext ? use.peak : use.inFlight
      use.peak = use.inFlight
      if (peakOf(use) === 0) this.#uses.delete(name)
    }
  }
}

function peakOf({ peak, peakBefore }: Use): number {
  return Math.max(peak, peakBefore)
}
