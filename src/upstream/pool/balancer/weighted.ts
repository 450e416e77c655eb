import type { Balancer, Candidate } from './balancer.ts'

/** Picks at random, in proportion to the weights. */
export class Weighted implements Balancer {
  readonly #random: () => number

  constructor(options: { random: () => number }) {
    this.#random = options.random
  }

  pick<T extends Candidate>(candidates: readonly T[]): T | undefined {
    const total = candidates.reduce((sum, { weight }) => sum + weight, 0)
    let left = this.#random() * total
    for (const candidate of candidates) {
      left -= candidate.weight
      if (left < 0) return candidate
    }
    return candidates.at(-1)
  }
}
