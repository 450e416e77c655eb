import type { Balancer, Candidate } from './balancer.ts'

/** Picks one instance after the other. Instances that join or leave do not change whose turn it is. */
export class RoundRobin implements Balancer {
  #last = -1

  pick<T extends Candidate>(candidates: readonly T[]): T | undefined {
    const next = candidates.find(({ order }) => order > this.#last) ?? candidates[0]
    if (next !== undefined) this.#last = next.order
    return next
  }
}
