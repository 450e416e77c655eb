import type { Balancer, Candidate } from './balancer.ts'

/** Picks the instance with the fewest calls in flight, at random among equals. */
export class LeastInFlight implements Balancer {
  readonly #random: () => number

  constructor(options: { random: () => number }) {
    this.#random = options.random
  }

  pick<T extends Candidate>(candidates: readonly T[]): T | undefined {
    let least: T | undefined
    let ties = 0
    for (const candidate of candidates) {
      if (least === undefined || candidate.inFlight < least.inFlight) {
        least = candidate
        ties = 1
      } else if (candidate.inFlight === least.inFlight) {
        ties += 1
        if (this.#random() * ties < 1) least = candidate
      }
    }
    return least
  }
}
