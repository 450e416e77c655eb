import type { Balancer, Candidate } from './balancer.ts'

/** One after the other. Those that come and go meanwhile do not change whose turn it is. */
export class RoundRobin implements Balancer {
  #last = -1

  pick<T extends Candidate>(candidates: readonly T[]): T | undefined {
    const next = candidates.find(({ order }) => order > this.#last) ?? candidates[0]
    if (next !== undefined) this.#last = next.order
    return next
  }
}
