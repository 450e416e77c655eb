import type { ServerDefinition } from '../../../domain/documents/server-definition.ts'
import type { Balancer } from './balancer.ts'
import { ConsistentHash } from './consistent-hash.ts'
import { LeastInFlight } from './least-in-flight.ts'
import { RoundRobin } from './round-robin.ts'
import { Weighted } from './weighted.ts'

type Algorithm = NonNullable<ServerDefinition['loadBalancing']>

/** The load balancing algorithm of a server; by default `round_robin`, and `least_in_flight` for processes. */
export function algorithmOf({ loadBalancing, transport }: ServerDefinition): Algorithm {
  return loadBalancing ?? (transport === 'stdio' ? 'least_in_flight' : 'round_robin')
}

/** @param options.random gives numbers from 0 to below 1 */
export function createBalancer(algorithm: Algorithm, options: { random: () => number }): Balancer {
  switch (algorithm) {
    case 'round_robin':
      return new RoundRobin()
    case 'least_in_flight':
      return new LeastInFlight(options)
    case 'weighted':
      return new Weighted(options)
    case 'consistent_hash':
      return new ConsistentHash(options)
  }
}
