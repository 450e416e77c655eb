import { afterEach, expect, test } from '@jest/globals'
import { ListRoom } from '../../../src/mcp/methods/list-room.ts'

const MIB = 1024 * 1024
const rooms: ListRoom[] = []

afterEach(() => {
  for (const room of rooms.splice(0)) room.release()
})

/** How many texts of a mebibyte fit into a list, of so many servers. */
function fitting(tenantId: string, servers: number): number {
  const room = new ListRoom(tenantId)
  rooms.push(room)
  const text = 'x'.repeat(MIB - 64)
  const counts = Array.from({ length: servers }, () => {
    const hasRoom = room.ofServer()
    let count = 0
    while (hasRoom(text)) count += 1
    return count
  })
  return counts.reduce((sum, count) => sum + count, 0)
}

test('a server has 2 MiB in a list, and all servers 8 MiB', () => {
  expect(fitting('a', 1)).toBe(2)
  expect(fitting('b', 3)).toBe(6)
  expect(fitting('c', 9)).toBe(8)
})

test('the lists of one tenant leave room for those of others, and what has ended makes room', () => {
  expect(Array.from({ length: 4 }, () => fitting('a', 9))).toEqual([8, 8, 0, 0])
  expect(fitting('b', 9)).toBe(8)
  rooms[0]?.release()
  expect(fitting('a', 1)).toBe(2)
})
