/** An instance that can take the next call. */
export interface Candidate {
  /** The same for as long as the instance is at the same address. */
  readonly id: string
  /** Tells candidates apart; they are given in this order. */
  readonly order: number
  /** At least 1. */
  readonly weight: number
  /** Calls that it has at the moment. */
  readonly inFlight: number
}

/** Chooses instances for calls, each by its own rule. */
export interface Balancer {
  /**
   * One of the candidates; undefined only where there are none.
   * @param key calls with the same key belong together
   */
  pick<T extends Candidate>(candidates: readonly T[], key?: string): T | undefined
}
