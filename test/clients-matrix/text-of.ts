/** The first text of a tool's result. @throws Error when the result has none */
export function textOf(result: unknown): string {
  const { content } = (result ?? {}) as { content?: readonly { text?: unknown }[] }
  const text = content?.[0]?.text
  if (typeof text !== 'string') throw new Error(`no text in ${JSON.stringify(result)}`)
  return text
}
