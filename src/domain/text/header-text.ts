const PLAIN = /^[\t\x20-\x7e]+$/
const OPENING = '=?base64?'
const CLOSING = '?='

/**
 * A text as a header of MCP carries it: the text itself if that is possible, else its bytes in base64 (MCP 2026-07-28,
 * Streamable HTTP, value encoding).
 */
export function headerText(text: string): string {
  const looksEncoded = text.startsWith(OPENING) && text.endsWith(CLOSING)
  if (PLAIN.test(text) && text === text.trim() && !looksEncoded) return text
  return `${OPENING}${Buffer.from(text).toString('base64')}${CLOSING}`
}
