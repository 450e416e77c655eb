import type { Slices } from '../../concurrency/slices.ts'
import type { States } from './pattern-states.ts'
import {
  type Backward,
  backwardTable,
  type Classes,
  classesOf,
  type Forward,
  forwardTable,
  tooLarge,
} from './pattern-tables.ts'

const MAX_PAIRS = 2_000_000
/** Characters; at a few tens of nanoseconds each. */
const SLICE = 32_768

/**
 * One pattern as tables, so that each character of a text costs a fixed number of look-ups, whatever the text is.
 */
export class PatternCover {
  readonly #classes: Classes
  readonly #forward: Forward
  readonly #backward: Backward
  /** Whether a way that came so far can go on so: 1 for no, 2 for yes, 0 for not looked at yet. */
  readonly #meets: Uint8Array

  /** @throws PatternError for a pattern that would need too large tables, or matches the empty text */
  constructor(nfa: States) {
    this.#classes = classesOf(nfa)
    this.#forward = forwardTable(nfa, this.#classes)
    this.#backward = backwardTable(nfa, this.#classes)
    if (this.#forward.open.length * this.#backward.steps.length > MAX_PAIRS) throw tooLarge()
    this.#meets = new Uint8Array(this.#forward.open.length * this.#backward.steps.length)
  }

  /** Whether the pattern matches anywhere. */
  *matches(text: string): Slices<boolean> {
    const { of, count } = this.#classes
    const { next, start, ends } = this.#forward
    let state = start
    for (let at = 0; at < text.length; at += 1) {
      if (at % SLICE === SLICE - 1) yield
      const kind = of[text.charCodeAt(at)] ?? 0
      if (ends[state * count + kind] === 1) return true
      state = next[state * count + kind] ?? 0
    }
    return ends[state * count + this.#classes.none] === 1
  }

  /** Sets 1 for each character that any match covers. */
  *cover(text: string, covered: Uint8Array): Slices<void> {
    const { of, count } = this.#classes
    const { next, start, opens } = this.#forward
    const open = new Uint16Array(text.length)
    let state = start
    for (let at = 0; at < text.length; at += 1) {
      if (at % SLICE === SLICE - 1) yield
      const place = state * count + (of[text.charCodeAt(at)] ?? 0)
      open[at] = opens[place] ?? 0
      state = next[place] ?? 0
    }
    const { next: before, start: last } = this.#backward
    state = last
    for (let at = text.length - 1; at >= 0; at -= 1) {
      if (at % SLICE === SLICE - 1) yield
      state = before[state * count + (of[text.charCodeAt(at)] ?? 0)] ?? 0
      if (this.#meet(open[at] ?? 0, state)) covered[at] = 1
    }
  }

  #meet(open: number, step: number): boolean {
    const place = open * this.#backward.steps.length + step
    if (this.#meets[place] === 0) {
      const here = new Set(this.#forward.open[open])
      const isMet = this.#backward.steps[step]?.some((state) => here.has(state)) === true
      this.#meets[place] = isMet ? 2 : 1
    }
    return this.#meets[place] === 2
  }
}
