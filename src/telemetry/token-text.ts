/** What a JSON Web Token begins with: `{"` in base64url. */
const BEGINNING = 'eyJ'
const SHORTEST_HEADER = 11
const WORD = /[\w-]*/y
const WORD_CHARACTER = /\w/

/** Replaces each JSON Web Token in a text, in time linear in its length. */
export function withoutTokens(text: string, instead: string): string {
  let result = ''
  let done = 0
  for (const [start, end] of tokensIn(text)) {
    result += text.slice(done, start) + instead
    done = end
  }
  return done === 0 ? text : result + text.slice(done)
}

/**
 * Where tokens begin and end, in order. Nothing is looked at more often than twice: a word has one end, wherever in it
 * one begins.
 */
function* tokensIn(text: string): Generator<readonly [start: number, end: number]> {
  for (let at = text.indexOf(BEGINNING); at !== -1;) {
    const wordEnd = endOfWord(text, at)
    const start = beginningIn(text, at, wordEnd - SHORTEST_HEADER)
    const end = start === undefined ? undefined : endOfToken(text, wordEnd)
    if (start !== undefined && end !== undefined) yield [start, end]
    at = text.indexOf(BEGINNING, end ?? wordEnd)
  }
}

/** The first place up to `last` where a token may begin, which is not right after a letter or digit. */
function beginningIn(text: string, first: number, last: number): number | undefined {
  for (let at = first; at !== -1 && at <= last; at = text.indexOf(BEGINNING, at + 1)) {
    if (at === 0 || !WORD_CHARACTER.test(text.charAt(at - 1))) return at
  }
  return undefined
}

/** The end of what follows the header that ends at `at`; undefined where that makes no token of it. */
function endOfToken(text: string, at: number): number | undefined {
  if (text[at] !== '.') return undefined
  const end = endOfWord(text, at + 1)
  return end === at + 1 || text[end] !== '.' ? undefined : endOfWord(text, end + 1)
}

function endOfWord(text: string, at: number): number {
  WORD.lastIndex = at
  WORD.test(text)
  return WORD.lastIndex
}
