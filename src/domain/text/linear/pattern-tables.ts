import { PatternError, type Range, WORD } from './pattern-syntax.ts'
import type { States } from './pattern-states.ts'
import { closed, closedBack, isIn, stepped, steppedBack, type Steps } from './step-sets.ts'

/** Bounds of the tables; patterns that need more are refused, so that no text can make matching slow. */
const MAX_TABLE = 4000
const MAX_CLASSES = 200

/** The states that a text can be in, as a table: for each of them and each class of characters the next one. */
interface Table {
  readonly next: Uint16Array
  readonly start: number
}

/** The characters that no pattern tells apart are one class; `none` stands for the ends of a text. */
export interface Classes {
  readonly of: Uint8Array
  readonly count: number
  readonly none: number
  /** For each class one character of it, -1 for `none`, and whether it is of words. */
  readonly sample: readonly number[]
  readonly isWord: readonly boolean[]
}

/** @throws PatternError for a pattern of too many kinds of characters */
export function classesOf({ states, work }: States): Classes {
  const all: (readonly Range[])[] = [
    WORD,
    ...states.flatMap((each) => (each.kind === 'character' ? [each.ranges] : [])),
  ]
  const every = all.flat()
  const starts = new Set([0, ...every.flatMap(([from, to]) => [from, to + 1])])
  const bounds = [...starts].filter((each) => each <= 0xffff).toSorted((a, b) => a - b)
  const of = new Uint8Array(0x10000)
  const known = new Map<string, number>()
  const sample: number[] = []
  for (const [at, from] of bounds.entries()) {
    work.add(every.length)
    const signature = all.map((ranges) => Number(isIn(from, ranges))).join('')
    let kind = known.get(signature)
    if (kind === undefined) {
      kind = sample.push(from) - 1
      if (kind >= MAX_CLASSES) throw tooLarge()
      known.set(signature, kind)
    }
    of.fill(kind, from, bounds[at + 1] ?? 0x10000)
  }
  const none = sample.push(-1) - 1
  return { of, count: sample.length, none, sample, isWord: sample.map((unit) => isIn(unit, WORD)) }
}

/** The way from left to right. */
export interface Forward extends Table {
  /** For each state and class of the next character: whether a match ends here. */
  readonly ends: Uint8Array
  /** For the same: which of `open` the steps are that a match may be at. */
  readonly opens: Uint16Array
  readonly open: readonly Steps[]
}

/** From left to right, with a match beginning at every place. */
export function forwardTable(nfa: States, { count, none, sample, isWord }: Classes): Forward {
  const open = new Numbered<Steps>((set) => set.join())
  const found = new Numbered<{ readonly set: Steps; readonly isWord: boolean }>(
    (each) => `${each.isWord} ${each.set.join()}`,
  )
  const placeOf = (here: Steps): { here: Steps; number: number; isEnd: number } => ({
    here,
    number: open.of(here),
    isEnd: Number(here.includes(nfa.end)),
  })
  const begin = closed(nfa, [nfa.start], false)
  if (closed(nfa, [nfa.start], true).includes(nfa.end))
    throw new PatternError('a pattern matches the empty text')
  const next: number[] = []
  const opens: number[] = []
  const ends: number[] = []
  const start = found.of({ set: begin, isWord: false })
  for (let at = 0; at < found.all.length; at += 1) {
    const state = found.all[at]
    if (state === undefined) break
    const inside = placeOf(state.set)
    const atBoundary = placeOf(closed(nfa, state.set, true))
    for (let kind = 0; kind < count; kind += 1) {
      const { here, number, isEnd } = state.isWord === isWord[kind] ? inside : atBoundary
      const after = kind === none ? [] : stepped(nfa, here, sample[kind] ?? -1)
      next.push(found.of({ set: closed(nfa, [...after, nfa.start], false), isWord: isWord[kind] === true }))
      opens.push(number)
      ends.push(isEnd)
    }
  }
  return {
    next: Uint16Array.from(next),
    start,
    ends: Uint8Array.from(ends),
    opens: Uint16Array.from(opens),
    open: open.all,
  }
}

/** The way from right to left. */
export interface Backward extends Table {
  /** For each state: the steps over the character just read from which a match can still end. */
  readonly steps: readonly Steps[]
}

/** From right to left. */
export function backwardTable(nfa: States, { count, sample, isWord }: Classes): Backward {
  const found = new Numbered<{ readonly steps: Steps; readonly isWord: boolean }>(
    (each) => `${each.isWord} ${each.steps.join()}`,
  )
  const next: number[] = []
  const start = found.of({ steps: [], isWord: false })
  for (let at = 0; at < found.all.length; at += 1) {
    const state = found.all[at]
    if (state === undefined) break
    const to = [...state.steps, nfa.end]
    const [inside, atBoundary] = [closedBack(nfa, to, false), closedBack(nfa, to, true)]
    for (let kind = 0; kind < count; kind += 1) {
      const wanted = state.isWord === isWord[kind] ? inside : atBoundary
      next.push(
        found.of({ steps: steppedBack(nfa, wanted, sample[kind] ?? -1), isWord: isWord[kind] === true }),
      )
    }
  }
  return { next: Uint16Array.from(next), start, steps: found.all.map(({ steps }) => steps) }
}

/** Values by number, each of which is numbered once. */
class Numbered<T> {
  readonly all: T[] = []
  readonly #numbers = new Map<string, number>()
  readonly #keyOf: (value: T) => string

  constructor(keyOf: (value: T) => string) {
    this.#keyOf = keyOf
  }

  of(value: T): number {
    const key = this.#keyOf(value)
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    if (this.all.length >= MAX_TABLE) throw tooLarge()
    this.#numbers.set(key, this.all.length)
    return this.all.push(value) - 1
  }
}

/** What is said of a pattern whose tables would be too large. */
export function tooLarge(): PatternError {
  return new PatternError(String.raw`the pattern is too complex; one that begins and ends with \b is simpler`)
}
