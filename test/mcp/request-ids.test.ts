import { expect, test } from '@jest/globals'
import { HeldBytes } from '../../src/domain/concurrency/held-bytes.ts'
import { RequestIds, requestIdIn } from '../../src/mcp/request-ids.ts'

const TAKEN = expect.objectContaining({ code: 'invalid_request' })

test('an id is taken until its exchange and its work have both ended, in whichever order', () => {
  const ids = new RequestIds()
  ids.claim(1)
  ids.hold(1)
  expect(() => ids.claim(1)).toThrow(TAKEN)
  ids.release(1)
  expect(() => ids.claim(1)).toThrow(TAKEN)
  ids.release(1)
  expect(() => ids.claim(1)).not.toThrow()
})

test('the text and the number of the same digits are two ids', () => {
  const ids = new RequestIds()
  ids.claim(1)
  expect(() => ids.claim('1')).not.toThrow()
})

test('releasing an id that is free changes nothing', () => {
  const ids = new RequestIds()
  ids.release('x')
  ids.claim('x')
  expect(() => ids.claim('x')).toThrow(TAKEN)
})

test.each([
  [{ id: 0, method: 'ping' }, 0],
  [{ id: 'a', method: 'ping' }, 'a'],
  [{ method: 'notifications/cancelled' }, undefined],
  [{ id: 1, result: {} }, undefined],
  [[{ id: 1, method: 'ping' }], undefined],
  ['text', undefined],
  [undefined, undefined],
])('the request id in %j is %j', (message, id) => {
  expect(requestIdIn(message)).toBe(id)
})

test('the memory of a large request is released when its id is free, and not before', () => {
  const held = new HeldBytes(1_000_000)
  const ids = new RequestIds()
  const body = held.take('acme', 100_000)
  ids.claim(1, body)
  ids.claim(2)
  body?.release()
  ids.hold(1)
  ids.release(1)
  ids.release(2)
  expect(held.total).toBe(100_000)
  ids.release(1)
  expect(held.total).toBe(0)
})
