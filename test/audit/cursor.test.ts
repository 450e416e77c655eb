import { expect, test } from '@jest/globals'
import { decodeCursor, encodeCursor } from '../../src/audit/cursor.ts'

const old = Buffer.alloc(32, 1)
const current = Buffer.alloc(32, 2)
const QUERY = { tenantId: 'acme', limit: 10 }
const POSITION = { atMs: 1_767_225_600_000, id: 'a' }

test('a cursor that the previous key sealed is valid while that is known, and for the same query only', () => {
  const cursor = encodeCursor(old, QUERY, POSITION)
  const invalid = expect.objectContaining({ code: 'invalid_cursor' })
  expect(decodeCursor([current, old], QUERY, cursor)).toEqual(POSITION)
  expect(() => decodeCursor([current], QUERY, cursor)).toThrow(invalid)
  expect(() => decodeCursor([current, old], { ...QUERY, tenantId: 'globex' }, cursor)).toThrow(invalid)
})
