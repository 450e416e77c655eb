const EXPRESSION = /\{([+#./;?&]?)([^{}]*)\}/g

/**
 * A test for whether a URI can come from a template (RFC 6570). An expression stands for one or more characters
 * up to the next `/`, or for anything at all with `+`, `#`, `/`, `?`, `&` or an exploded variable. It decides
 * which server a URI goes to; the server itself does the exact matching.
 */
export function compileUriTemplate(template: string): (uri: string) => boolean {
  const parts: Part[] = []
  let position = 0
  for (const match of template.matchAll(EXPRESSION)) {
    const literal = template.slice(position, match.index)
    const spansSlashes = /[+#/?&]/.test(match[1] ?? '') || match[2]?.includes('*') === true
    const before = parts.at(-1)
    if (literal === '' && before !== undefined) before.spansSlashes ||= spansSlashes
    else parts.push({ literal, spansSlashes })
    position = match.index + match[0].length
  }
  const tail = template.slice(position)
  return (uri) => matchesParts(uri, parts, tail)
}

interface Part {
  readonly literal: string
  /** Whether the expression after the literal may contain `/`. */
  spansSlashes: boolean
}

/** Leftmost matching without backtracking, so it takes linear time for every template that a server sends. */
function matchesParts(uri: string, parts: readonly Part[], tail: string): boolean {
  let position = 0
  let openValue: Part | undefined
  for (const part of parts) {
    const next = consume(uri, position, part.literal, openValue)
    if (next === undefined) return false
    position = next
    openValue = part
  }
  if (openValue === undefined) return uri === tail
  const end = uri.length - tail.length
  if (end < position || !uri.endsWith(tail)) return false
  return isValue(uri.slice(position, end), openValue)
}

function consume(
  uri: string,
  position: number,
  literal: string,
  openValue: Part | undefined,
): number | undefined {
  if (openValue === undefined)
    return uri.startsWith(literal, position) ? position + literal.length : undefined
  const found = literal === '' ? uri.length : uri.indexOf(literal, position + 1)
  if (found === -1 || !isValue(uri.slice(position, found), openValue)) return undefined
  return found + literal.length
}

function isValue(text: string, part: Part): boolean {
  return part.spansSlashes || (text !== '' && !text.includes('/'))
}
