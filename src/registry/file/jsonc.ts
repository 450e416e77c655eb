/**
 * JSON with comments and trailing commas, as editors write it, as JSON: blanks take the place of what JSON has not, so
 * that every position stays. Text in strings stays as it is.
 */
export function jsonOfJsonc(text: string): string {
  // One token each time: a string, a comment, or a comma that nothing but blanks and comments part from a bracket.
  return text.replace(
    /"(?:[^"\\\n]|\\.)*"?|\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*(?:\*\/)?|,/g,
    (token, at: number) => {
      if (token.startsWith('/')) return token.replace(/[^\n]/g, ' ')
      return token === ',' && isTrailing(text, at + 1) ? ' ' : token
    },
  )
}

/** Whether only blanks and comments come before the next bracket that closes. */
function isTrailing(text: string, from: number): boolean {
  const blanks = /(?:\s|\/\/[^\n]*|\/\*(?:[^*]|\*(?!\/))*\*\/)*/y
  blanks.lastIndex = from
  blanks.exec(text)
  return /[\]}]/.test(text[blanks.lastIndex] ?? '')
}

/**
 * Where the text of an error of `JSON.parse` says that it is; it may hold parts of the text, which must not be shown.
 */
export function placeOfJsonError(text: string, error: unknown): { line: number; column: number } | undefined {
  const message = error instanceof Error ? error.message : ''
  const found = /at position (\d+)/.exec(message)?.[1]
  const position = found === undefined ? endOf(text, message) : Number(found)
  if (position === undefined) return undefined
  const before = text.slice(0, position).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

function endOf(text: string, message: string): number | undefined {
  return message.startsWith('Unexpected end') ? text.length : undefined
}
