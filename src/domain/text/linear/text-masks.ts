import { PatternCover } from './pattern-cover.ts'
import { statesOf } from './pattern-states.ts'
import { parsePattern } from './pattern-syntax.ts'

/** Many tools have the same patterns, and compiling one takes up to 100 ms. */
const known = new Map<string, PatternCover>()
const MAX_KNOWN = 500

/** Replaces each part of a text that a pattern covers. */
export interface TextMask {
  /** The text with `by` in place of every run of covered characters, and how many runs there were. */
  readonly apply: (text: string, by: string) => { readonly text: string; readonly count: number }
}

/**
 * Compiles patterns, which are matched in time that grows with the length of a text alone. What any match of any pattern
 * covers is replaced: no choice of a longer or shorter match leaves a part.
 * @throws PatternError for what is no pattern, matches the empty text, or would need too large tables
 */
export function textMask(sources: readonly string[]): TextMask {
  const covers = sources.map(coverOf)
  return { apply: (text, by) => replaced(text, covers, by) }
}

function coverOf(source: string): PatternCover {
  const before = known.get(source)
  if (before !== undefined) return before
  const cover = new PatternCover(statesOf(parsePattern(source)))
  if (known.size >= MAX_KNOWN) known.clear()
  known.set(source, cover)
  return cover
}

function replaced(
  text: string,
  covers: readonly PatternCover[],
  by: string,
): { text: string; count: number } {
  const matching = covers.filter((cover) => cover.matches(text))
  if (matching.length === 0) return { text, count: 0 }
  const covered = new Uint8Array(text.length)
  for (const cover of matching) cover.cover(text, covered)
  const pieces: string[] = []
  let count = 0
  let from = 0
  for (let at = covered.indexOf(1); at !== -1; at = covered.indexOf(1, from)) {
    pieces.push(text.slice(from, at), by)
    count += 1
    const end = covered.indexOf(0, at)
    from = end === -1 ? text.length : end
  }
  pieces.push(text.slice(from))
  return { text: pieces.join(''), count }
}
