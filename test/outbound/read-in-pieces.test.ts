import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setImmediate } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { readInPieces } from '../../src/outbound/read-in-pieces.ts'

const KIB = 1024
const sent = Buffer.from(Array.from({ length: 4096 * KIB }, (_, at) => at % 251))

test('a reader that takes little at a time and puts back the rest gets all in order, and little waits for it', async () => {
  const server = createServer((socket) => socket.end(sent)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  readInPieces(socket)
  await once(socket, 'readable')
  const taken: Buffer[] = []
  let size = 0
  let most = 0
  while (size < sent.length) {
    const chunk = socket.read() as Buffer | null
    if (chunk === null) {
      await once(socket, 'readable')
      continue
    }
    const piece = chunk.subarray(0, 16 * KIB)
    taken.push(piece)
    size += piece.length
    if (piece.length < chunk.length) socket.unshift(chunk.subarray(piece.length))
    await setImmediate()
    most = Math.max(most, socket.readableLength)
  }
  expect(Buffer.concat(taken).equals(sent)).toBe(true)
  expect(most).toBeLessThanOrEqual(192 * KIB)
  socket.destroy()
  server.close()
})
