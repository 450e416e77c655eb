import { atOnce, type Slices } from '../../concurrency/slices.ts'
import { PatternCover } from './pattern-cover.ts'
import { statesOf } from './pattern-states.ts'
import { parsePattern } from './pattern-syntax.ts'
import { PatternWork } from './pattern-work.ts'

interface Compiled {
  readonly cover: PatternCover
  readonly steps: number
}

/** Many tools have the same patterns. */
const known = new Map<string, Compiled>()
const MAX_KNOWN = 500
/** What tables need grows with the work that they are. */
const MAX_KNOWN_STEPS = 20_000_000
let knownSteps = 0
const RUNS_A_SLICE = 10_000

/** A text with something in place of every run of covered characters, and how many runs there were. */
interface MaskedText {
  readonly text: string
  readonly count: number
}

/** Puts `by` in place of each part of a text that a pattern covers. */
export interface TextMask {
  readonly apply: (text: string, by: string) => MaskedText
  /** The same, with pauses. */
  readonly slices: (text: string, by: string) => Slices<MaskedText>
}

/**
 * Compiles patterns, which are matched in time that grows with the length of a text alone. What any match of any pattern
 * covers is replaced: no choice of a longer or shorter match leaves a part.
 * @param work where the work is counted, to limit that of several masks together
 * @throws PatternError for what is no pattern, matches the empty text, or would be too much work
 */
export function textMask(sources: readonly string[], work = new PatternWork()): TextMask {
  const covers = [...new Set(sources)].map((source) => coverOf(source, work))
  const slices = (text: string, by: string): Slices<MaskedText> => replaced(text, covers, by)
  return { apply: (text, by) => atOnce(slices(text, by)), slices }
}

/** The work of a known pattern counts, too: what is accepted does not depend on what was asked before. */
function coverOf(source: string, work: PatternWork): PatternCover {
  const before = known.get(source)
  if (before !== undefined) {
    work.add(before.steps)
    return before.cover
  }
  const done = work.steps
  const cover = new PatternCover(statesOf(parsePattern(source), work))
  remember(source, { cover, steps: work.steps - done })
  return cover
}

function remember(source: string, compiled: Compiled): void {
  if (known.size >= MAX_KNOWN || knownSteps + compiled.steps > MAX_KNOWN_STEPS) {
    known.clear()
    knownSteps = 0
  }
  known.set(source, compiled)
  knownSteps += compiled.steps
}

function* replaced(text: string, covers: readonly PatternCover[], by: string): Slices<MaskedText> {
  let covered: Uint8Array | undefined
  for (const cover of covers) {
    if (!(yield* cover.matches(text))) continue
    covered ??= new Uint8Array(text.length)
    yield* cover.cover(text, covered)
  }
  if (covered === undefined) return { text, count: 0 }
  const pieces: string[] = []
  let count = 0
  let from = 0
  for (let at = covered.indexOf(1); at !== -1; at = covered.indexOf(1, from)) {
    pieces.push(text.slice(from, at), by)
    count += 1
    if (count % RUNS_A_SLICE === 0) yield
    const end = covered.indexOf(0, at)
    from = end === -1 ? text.length : end
  }
  pieces.push(text.slice(from))
  return { text: pieces.join(''), count }
}
