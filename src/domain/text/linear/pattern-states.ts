import { type PatternNode, PatternError, type Range } from './pattern-syntax.ts'
import type { PatternWork } from './pattern-work.ts'

const MAX_STATES = 400

/** A step of a pattern: a character of some ranges, a free way on, or one at the end of a word only. */
type State =
  | { readonly kind: 'character'; readonly ranges: readonly Range[]; readonly next: number }
  | { readonly kind: 'free'; readonly next: readonly number[] }
  | { readonly kind: 'boundary'; readonly next: number }
  | { readonly kind: 'end' }

/** A pattern as steps from `start` to `end`. */
export interface States {
  readonly states: readonly State[]
  readonly start: number
  readonly end: number
  /** What is done to make tables of them is counted here. */
  readonly work: PatternWork
}

/** @throws PatternError for a pattern of too many steps */
export function statesOf(node: PatternNode, work: PatternWork): States {
  const states: State[] = [{ kind: 'end' }]
  const add = (state: State): number => {
    if (states.length >= MAX_STATES) throw new PatternError('the pattern is too large')
    return states.push(state) - 1
  }
  /** The step at which the way through `part` to `next` begins. */
  const begin = (part: PatternNode, next: number): number => {
    switch (part.kind) {
      case 'class':
        return add({ kind: 'character', ranges: part.ranges, next })
      case 'boundary':
        return add({ kind: 'boundary', next })
      case 'sequence':
        return part.parts.reduceRight((after, each) => begin(each, after), next)
      case 'choice':
        return add({ kind: 'free', next: part.parts.map((each) => begin(each, next)) })
      case 'repeat':
        return repeat(part, next)
    }
  }
  const repeat = ({ part, min, max }: PatternNode & { kind: 'repeat' }, next: number): number => {
    let after = next
    if (max === Infinity) {
      const ways = [next]
      after = add({ kind: 'free', next: ways })
      ways.push(begin(part, after))
    } else
      for (let count = min; count < max; count += 1)
        after = add({ kind: 'free', next: [next, begin(part, after)] })
    for (let count = 0; count < min; count += 1) after = begin(part, after)
    return after
  }
  const start = begin(node, 0)
  return { states, start, end: 0, work }
}
