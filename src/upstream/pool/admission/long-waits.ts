import { addTo } from '../../../domain/concurrency/counts.ts'

/**
 * Requests that only wait at a server, for up to an hour. Together they have at most half of the permits of a limit, and those
 * of one principal half of that, so that other calls always find permits.
 */
export class LongWaits {
  readonly #ofPrincipal = new Map<string, number>()
  #count = 0

  /** Whether one more of a principal may wait, with that many permits for all calls. */
  hasRoom(principal: string, permits: number): boolean {
    const max = Math.max(1, Math.floor(permits / 2))
    return this.#count < max && (this.#ofPrincipal.get(principal) ?? 0) < Math.ceil(max / 2)
  }

  enter(principal: string): void {
    this.#count += 1
    addTo(this.#ofPrincipal, principal, 1)
  }

  leave(principal: string): void {
    this.#count -= 1
    addTo(this.#ofPrincipal, principal, -1)
  }
}
