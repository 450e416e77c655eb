/** Code units from one to another, both included. */
export type Range = readonly [from: number, to: number]

/** What a pattern is made of. */
export type PatternNode =
  | { readonly kind: 'class'; readonly ranges: readonly Range[] }
  | { readonly kind: 'boundary' }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'choice'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly part: PatternNode; readonly min: number; readonly max: number }

const LAST = 0xffff
const MAX_REPEAT = 100
const MAX_NESTED = 20
const DIGIT: readonly Range[] = [[0x30, 0x39]]
/** The characters of words, by which `\b` finds their ends. */
export const WORD: readonly Range[] = [
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
]
const SPACE: readonly Range[] = [
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x2028, 0x2029],
  [0xfeff, 0xfeff],
]
const CLASSES: Readonly<Record<string, readonly Range[]>> = {
  d: DIGIT,
  w: WORD,
  s: SPACE,
  D: without(DIGIT),
  W: without(WORD),
  S: without(SPACE),
}
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9 }
type Bounds = readonly [min: number, max: number]
const BOUNDS: Readonly<Record<string, Bounds>> = { '*': [0, Infinity], '+': [1, Infinity], '?': [0, 1] }
const LINE_ENDS: readonly Range[] = [
  [10, 10],
  [13, 13],
]

/** What is wrong with a pattern, for its author. */
export class PatternError extends Error {}

/**
 * Reads a pattern: the part of regular expressions that can be matched in linear time. Characters, `.`, classes, `\d`,
 * `\w`, `\s`, groups, `|`, `*`, `+`, `?`, `{m,n}` and `\b`.
 * @throws PatternError
 */
export function parsePattern(source: string): PatternNode {
  return new Reader(source).whole()
}

class Reader {
  readonly #source: string
  #at = 0
  #depth = 0

  constructor(source: string) {
    this.#source = source
  }

  whole(): PatternNode {
    const node = this.#choice()
    if (this.#at < this.#source.length) throw new PatternError(`")" at ${this.#at} closes nothing`)
    return node
  }

  #choice(): PatternNode {
    const parts = [this.#sequence()]
    while (this.#takes('|')) parts.push(this.#sequence())
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'choice', parts }
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = []
    while (this.#at < this.#source.length && !'|)'.includes(this.#next)) parts.push(this.#repeated())
    return { kind: 'sequence', parts }
  }

  #repeated(): PatternNode {
    const part = this.#single()
    const bounds = this.#bounds()
    if (bounds === undefined) return part
    if (part.kind === 'boundary') throw new PatternError(String.raw`\b cannot be repeated`)
    if ('*+?{'.includes(this.#next) && this.#next !== '')
      throw new PatternError(`"${this.#next}" at ${this.#at} follows another repetition`)
    const [min, max] = bounds
    return { kind: 'repeat', part, min, max }
  }

  #bounds(): Bounds | undefined {
    if (this.#next === '{') return this.#counted()
    const bounds = BOUNDS[this.#next]
    if (bounds !== undefined) this.#at += 1
    return bounds
  }

  #counted(): Bounds {
    const [text, least = '', comma, most = ''] =
      /^\{(\d{1,3})(?:(,)(\d{0,3}))?\}/.exec(this.#source.slice(this.#at)) ?? []
    if (text === undefined)
      throw new PatternError(`"{" at ${this.#at} repeats nothing; write \\{ for the character`)
    this.#at += text.length
    const min = Number(least)
    const max = comma === undefined ? min : most === '' ? Infinity : Number(most)
    const isLarge = [min, max].some((each) => each > MAX_REPEAT && each !== Infinity)
    if (min > max || isLarge) throw new PatternError(`${text} does not repeat up to ${MAX_REPEAT} times`)
    return [min, max]
  }

  #single(): PatternNode {
    const character = this.#taken()
    switch (character) {
      case '(':
        return this.#group()
      case '[':
        return { kind: 'class', ranges: this.#class() }
      case '.':
        return { kind: 'class', ranges: without(LINE_ENDS) }
      case '\\':
        if (this.#takes('b')) return { kind: 'boundary' }
        return { kind: 'class', ranges: this.#escaped() }
      case '^':
      case '$':
        throw new PatternError(
          `"${character}" is not known; texts are looked at as a whole, and \\b finds the ends of words`,
        )
      case '*':
      case '+':
      case '?':
      case '{':
        throw new PatternError(`"${character}" at ${this.#at - 1} repeats nothing`)
      default:
        return { kind: 'class', ranges: [rangeOf(character)] }
    }
  }

  #group(): PatternNode {
    if (this.#takes('?') && !this.#takes(':'))
      throw new PatternError('groups that look ahead or behind, or have names, are not known')
    this.#depth += 1
    if (this.#depth > MAX_NESTED) throw new PatternError('groups are nested too deeply')
    const node = this.#choice()
    this.#depth -= 1
    if (!this.#takes(')')) throw new PatternError('a group is not closed')
    return node
  }

  #class(): readonly Range[] {
    const isNegated = this.#takes('^')
    const ranges: Range[] = []
    while (!this.#takes(']')) {
      const from = this.#classPart()
      const isRange = this.#next === '-' && this.#source[this.#at + 1] !== ']'
      if (!isRange) {
        ranges.push(...from)
        continue
      }
      this.#at += 1
      const [first, last] = [from[0], this.#classPart()[0]]
      const isSingle = from.length === 1 && first?.[0] === first?.[1]
      if (!isSingle || first === undefined || last === undefined || last[0] < first[0])
        throw new PatternError('a range of a class is not from a character to a later one')
      ranges.push([first[0], last[0]])
    }
    return isNegated ? without(ranges) : ranges
  }

  #classPart(): readonly Range[] {
    if (this.#at >= this.#source.length) throw new PatternError('a class is not closed')
    const character = this.#taken()
    return character === '\\' ? this.#escaped() : [rangeOf(character)]
  }

  #escaped(): readonly Range[] {
    const character = this.#taken()
    if (character === '') throw new PatternError('a backslash stands at the end')
    const known = CLASSES[character]
    if (known !== undefined) return known
    const control = CONTROLS[character]
    if (control !== undefined) return [[control, control]]
    if (/[a-z0-9]/i.test(character)) throw new PatternError(`\\${character} is not known`)
    return [rangeOf(character)]
  }

  get #next(): string {
    return this.#source[this.#at] ?? ''
  }

  #taken(): string {
    const character = this.#next
    this.#at += 1
    return character
  }

  #takes(character: string): boolean {
    if (this.#next !== character) return false
    this.#at += 1
    return true
  }
}

function rangeOf(character: string): Range {
  const unit = character.charCodeAt(0)
  return [unit, unit]
}

/** All code units but these. */
function without(ranges: readonly Range[]): Range[] {
  const left: Range[] = []
  let from = 0
  for (const [first, last] of ranges.toSorted((a, b) => a[0] - b[0])) {
    if (first > from) left.push([from, first - 1])
    from = Math.max(from, last + 1)
  }
  if (from <= LAST) left.push([from, LAST])
  return left
}
