import type { States } from './pattern-states.ts'
import type { Range } from './pattern-syntax.ts'

/** Steps of the pattern, in order. */
export type Steps = readonly number[]

/** These steps, and those behind free ways from them. */
export function closed({ states, work }: States, from: Steps, isBoundary: boolean): Steps {
  const seen = new Uint8Array(states.length)
  const open = [...from]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen[at] === 1) continue
    seen[at] = 1
    const state = states[at]
    if (state?.kind === 'free') open.push(...state.next)
    if (state?.kind === 'boundary' && isBoundary) open.push(state.next)
  }
  const all: number[] = []
  for (let at = seen.indexOf(1); at !== -1; at = seen.indexOf(1, at + 1)) all.push(at)
  work.add(states.length + all.length)
  return all
}

/** These steps, and those with free ways to them. */
export function closedBack({ states, work }: States, to: Steps, isBoundary: boolean): ReadonlySet<number> {
  const seen = new Set(to)
  for (let isGrowing = true; isGrowing;) {
    isGrowing = false
    work.add(states.length)
    for (const [at, state] of states.entries()) {
      const leads =
        (state.kind === 'free' && state.next.some((each) => seen.has(each))) ||
        (state.kind === 'boundary' && isBoundary && seen.has(state.next))
      if (!leads || seen.has(at)) continue
      seen.add(at)
      isGrowing = true
    }
  }
  return seen
}

/** Where these steps lead over a character. */
export function stepped({ states, work }: States, from: Steps, unit: number): number[] {
  work.add(from.length)
  return from.flatMap((at) => {
    const state = states[at]
    if (state?.kind !== 'character') return []
    work.add(state.ranges.length)
    return isIn(unit, state.ranges) ? [state.next] : []
  })
}

/** The steps that lead to these over a character. */
export function steppedBack({ states, work }: States, to: ReadonlySet<number>, unit: number): number[] {
  work.add(states.length)
  return states.flatMap((state, at) => {
    if (state.kind !== 'character' || !to.has(state.next)) return []
    work.add(state.ranges.length)
    return isIn(unit, state.ranges) ? [at] : []
  })
}

/** Whether a code unit is in one of the ranges. */
export function isIn(unit: number, ranges: readonly Range[]): boolean {
  return ranges.some(([from, to]) => unit >= from && unit <= to)
}
