/** Whether `text` matches a pattern in which `*` stands for any characters; linear in the text, no regex. */
export function matches(pattern: string, text: string): boolean {
  return matcherOf(pattern)(text)
}

/** Compiles a pattern for many texts. */
export function matcherOf(pattern: string): (text: string) => boolean {
  const [head = '', ...rest] = pattern.split('*')
  if (rest.length === 0) return (text) => pattern === text
  const tail = rest.pop() ?? ''
  return (text) => {
    if (!text.startsWith(head) || text.length < head.length + tail.length || !text.endsWith(tail))
      return false
    let position = head.length
    const end = text.length - tail.length
    for (const part of rest) {
      const found = text.indexOf(part, position)
      if (found === -1 || found + part.length > end) return false
      position = found + part.length
    }
    return true
  }
}
