import type { IncomingMessage } from 'node:http'

/**
 * The whole body of a request whose head states its length.
 * @param done called once, when the last byte has arrived; never if the client goes away before
 */
export function readBody(request: IncomingMessage, length: number, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = []
  let size = 0
  request.on('data', (chunk: Buffer) => {
    chunks.push(chunk)
    size += chunk.length
  })
  request.on('end', () => {
    const [first] = chunks
    // Node ends a body that is shorter than its length with an error.
    if (size === length && first !== undefined) done(chunks.length === 1 ? first : Buffer.concat(chunks))
  })
}
