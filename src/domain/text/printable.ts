/**
 * Control, format, bidirectional, tag and private characters: what can steer a terminal or hide text from its reader.
 */
const UNPRINTABLE = /[\p{C}--[\n\t]]/gv

/** An escape in JSON text, whole, so that a backslash that is one itself is not taken for the start of another. */
const ESCAPE = /\\(?:u[\da-f]{4}|.)/gi
const CONTROL_ESCAPE = /^\\u00[01]/i

/** A text for a terminal: without what is not text, but with its line breaks and tabs. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '')
}

/** JSON text whose strings are `printable`, though their control characters are written as escapes. */
export function printableJson(text: string): string {
  return printable(text).replace(ESCAPE, (escape) => (CONTROL_ESCAPE.test(escape) ? '' : escape))
}

/** JSON text with the same strings, in which escapes stand for all that `printable` would take out. */
export function escapedJson(text: string): string {
  return text.replace(UNPRINTABLE, (found) =>
    Array.from({ length: found.length }, (_, at) => codeUnitEscape(found.charCodeAt(at))).join(''),
  )
}

function codeUnitEscape(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, '0')}`
}

/** A text as one line for a terminal: line breaks and other white space become single blanks. */
export function printableLine(text: string): string {
  return printable(text.replace(/\s+/g, ' ')).trim()
}
