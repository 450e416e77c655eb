/** An instance that can take the next call. */
export interface Candidate {
  /** Stays the same while the instance has the same address. */
  readonly id: string
  /** Position among the candidates; they are passed in this order. */
  readonly order: number
  /** At least 1. */
  readonly weight: number
  /** Calls in flight. */
  readonly inFlight: number
}

/** A load balancing algorithm: chooses an instance for each call. */
export interface Balancer {
  /**
   * Picks one of the candidates; undefined only if there are none.
   * @param key calls with the same key should reach the same instance
   */
  pick<T extends Candidate>(candidates: readonly T[], key?: string): T | undefined
}
