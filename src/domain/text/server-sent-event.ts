/** The text of one event of a stream (WHATWG HTML, server-sent events). @param data one line */
export function eventText(
  data: string,
  { event = 'message', id }: { event?: string; id?: string } = {},
): string {
  const idLine = id === undefined ? '' : `id: ${id}\n`
  return `event: ${event}\n${idLine}data: ${data}\n\n`
}
