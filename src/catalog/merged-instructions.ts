const MAX_SERVER_BYTES = 4 * 1024
const MAX_BYTES = 16 * 1024

/** The instructions of one server for models. */
export interface Instructions {
  readonly serverName: string
  readonly text: string
}

/** The instructions of several servers as one text with a heading for each; undefined if there are none. */
export function mergedInstructions(parts: readonly Instructions[]): string | undefined {
  const sections = parts.filter(({ text }) => text.trim() !== '').map(sectionOf)
  const fitting = sections.slice(0, countThatFits(sections))
  const left = sections.length - fitting.length
  if (left > 0) fitting.push(`(The instructions of ${left} of ${sections.length} servers are left out.)`)
  return fitting.length === 0 ? undefined : fitting.join('\n\n')
}

function sectionOf({ serverName, text }: Instructions): string {
  const { read, written } = new TextEncoder().encodeInto(text, new Uint8Array(MAX_SERVER_BYTES))
  const isCut = read < text.length
  const note = `\n(Truncated after ${written} bytes. The full text is at /mcp/${serverName}.)`
  return `## ${serverName}\n${text.slice(0, read)}${isCut ? note : ''}`
}

function countThatFits(sections: readonly string[]): number {
  let bytes = 0
  const tooMuch = sections.findIndex((section) => (bytes += Buffer.byteLength(section)) > MAX_BYTES)
  return tooMuch === -1 ? sections.length : tooMuch
}
