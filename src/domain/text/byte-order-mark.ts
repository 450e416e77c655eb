const MARK = '\uFEFF'

/** The text without the byte order mark that some programs write before it. */
export function withoutByteOrderMark(text: string): string {
  return text.startsWith(MARK) ? text.slice(MARK.length) : text
}
