/**
 * The UTF-8 text of a body or a file of at most `maxBytes`; undefined if it is larger, of which no more is read then.
 * @throws what reading it throws
 */
export async function boundedText(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<string | undefined> {
  const read: Uint8Array[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.byteLength
    if (size > maxBytes) return undefined
    read.push(chunk)
  }
  return Buffer.concat(read).toString('utf8')
}

const EMPTY: AsyncIterable<Uint8Array> = {
  async *[Symbol.asyncIterator]() {
    // No chunk.
  },
}

/** The body of a response as its chunks; none if it has no body. */
export function chunksOf({ body }: Response): AsyncIterable<Uint8Array> {
  return body ?? EMPTY
}
