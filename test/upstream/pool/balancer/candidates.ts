import type { Balancer, Candidate } from '../../../../src/upstream/pool/balancer/balancer.ts'

/** Candidates by name, in this order. */
export function candidates(...given: readonly (string | Partial<Candidate>)[]): Candidate[] {
  return given.map((each, order) => ({
    id: typeof each === 'string' ? each : '',
    order,
    weight: 1,
    inFlight: 0,
    ...(typeof each === 'object' && each),
  }))
}

/** Who is picked how often in `count` turns. */
export function shares(
  balancer: Balancer,
  from: readonly Candidate[],
  count: number,
  key?: (turn: number) => string,
): Record<string, number> {
  const picked: Record<string, number> = {}
  for (let turn = 0; turn < count; turn += 1) {
    const id = balancer.pick(from, key?.(turn))?.id ?? 'nobody'
    picked[id] = (picked[id] ?? 0) + 1
  }
  return picked
}

/** Numbers from 0 to below 1, evenly spread. */
export function evenly(count: number): () => number {
  let turn = 0
  return () => {
    turn += 1
    return ((turn - 0.5) / count) % 1
  }
}
