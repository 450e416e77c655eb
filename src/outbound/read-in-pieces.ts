import type { Socket } from 'node:net'

/**
 * Keeps what waits in a socket small while its reader is paused: at most one buffer and what was put back. undici puts
 * back what it has not parsed when it is paused, and when it goes on takes all that is there as one new piece, whereupon
 * the socket reads again. A server whose small messages are handled slowly would fill the memory so, and each turn
 * would copy all of it. Here what was put back comes again by itself.
 */
export function readInPieces(socket: Socket): void {
  const read = socket.read.bind(socket)
  const unshift = socket.unshift.bind(socket)
  let putBack = 0
  socket.unshift = (chunk: Buffer, encoding?: BufferEncoding): void => {
    putBack = chunk.length
    unshift(chunk, encoding)
  }
  socket.read = (size?: number): unknown => {
    // To be asked for more, a stream would keep more from then on.
    const all = Math.min(putBack === 0 ? socket.readableLength : putBack, socket.readableHighWaterMark)
    putBack = 0
    return read(size ?? (all === 0 ? undefined : all))
  }
}
