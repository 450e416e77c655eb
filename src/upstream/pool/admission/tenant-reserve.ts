import type { Clock } from '../../../domain/clock.ts'

/** How long it is remembered how many permits a tenant needed: for one to two of these. */
const WINDOW_MS = 5000

interface Use {
  inFlight: number
  /** The most in this window, and in the one before. */
  peak: number
  peakBefore: number
  window: number
}

/**
 * Keeps permits of a pool free for tenants that used them a moment ago, as many as they used and no more than an equal share,
 * so that none of them waits until a call of another one ends.
 */
export class TenantReserve {
  readonly #clock: Clock
  readonly #uses = new Map<string, Use>()

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock
  }

  /** Whether a tenant may take one of that many free permits, of `permits` in all. */
  admits(tenant: string, free: number, permits: number): boolean {
    const window = this.#windowNow()
    let isKnown = false
    for (const [name, use] of this.#uses) {
      turn(use, window)
      if (name === tenant) isKnown = true
      else if (use.inFlight === 0 && peakOf(use) === 0) this.#uses.delete(name)
    }
    const share = Math.floor(permits / (this.#uses.size + (isKnown ? 0 : 1)))
    let reserved = 0
    for (const [name, use] of this.#uses)
      if (name !== tenant) reserved += Math.max(0, Math.min(peakOf(use), share) - use.inFlight)
    return free > reserved
  }

  enter(tenant: string): void {
    const window = this.#windowNow()
    const use = this.#uses.get(tenant) ?? { inFlight: 0, peak: 0, peakBefore: 0, window }
    this.#uses.set(tenant, use)
    turn(use, window)
    use.inFlight += 1
    use.peak = Math.max(use.peak, use.inFlight)
  }

  leave(tenant: string): void {
    const use = this.#uses.get(tenant)
    if (use !== undefined) use.inFlight -= 1
  }

  #windowNow(): number {
    return Math.floor(this.#clock.monotonic() / WINDOW_MS)
  }
}

function peakOf({ peak, peakBefore }: Use): number {
  return Math.max(peak, peakBefore)
}

function turn(use: Use, window: number): void {
  if (use.window === window) return
  use.peakBefore = use.window === window - 1 ? use.peak : use.inFlight
  use.peak = use.inFlight
  use.window = window
}
