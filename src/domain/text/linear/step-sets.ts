import type { States } from './pattern-states.ts'
import type { Range } from './pattern-syntax.ts'

/** Steps of the pattern, in order. */
export type Steps = readonly number[]

/** These steps, and those behind free ways from them. */
export function closed({ states }: States, from: Steps, isBoundary: boolean): Steps {
  const seen = new Set<number>()
  const open = [...from]
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    const state = states[at]
    if (state?.kind === 'free') open.push(...state.next)
    if (state?.kind === 'boundary' && isBoundary) open.push(state.next)
  }
  return [...seen].toSorted((a, b) => a - b)
}

/** These steps, and those with free ways to them. */
export function closedBack({ states }: States, to: Steps, isBoundary: boolean): ReadonlySet<number> {
  const seen = new Set(to)
  for (let isGrowing = true; isGrowing;) {
    isGrowing = false
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
export function stepped({ states }: States, from: Steps, unit: number): number[] {
  return from.flatMap((at) => {
    const state = states[at]
    return state?.kind === 'character' && isIn(unit, state.ranges) ? [state.next] : []
  })
}

/** The steps that lead to these over a character. */
export function steppedBack({ states }: States, to: ReadonlySet<number>, unit: number): number[] {
  return states.flatMap((state, at) =>
    state.kind === 'character' && to.has(state.next) && isIn(unit, state.ranges) ? [at] : [],
  )
}

/** Whether a code unit is in one of the ranges. */
export function isIn(unit: number, ranges: readonly Range[]): boolean {
  return ranges.some(([from, to]) => unit >= from && unit <= to)
}
