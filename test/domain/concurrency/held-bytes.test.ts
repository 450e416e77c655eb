import { expect, test } from '@jest/globals'
import { HeldBytes, type HeldRequest, memoryOf } from '../../../src/domain/concurrency/held-bytes.ts'

const MB = 1024 * 1024

/** How many requests of 1 MB a tenant may begin, one after the other, without ending any. */
function taken(held: HeldBytes, tenant: string): HeldRequest[] {
  const all: HeldRequest[] = []
  try {
    for (;;) all.push(held.take(tenant, MB) as HeldRequest)
  } catch {
    return all
  }
}

test('a single tenant may take half of the limit, and a later one half of the rest', () => {
  const held = new HeldBytes(64 * MB)
  expect(taken(held, 'one').length).toBe(32)
  expect(taken(held, 'two').length).toBe(16)
  expect(taken(held, 'three').length).toBe(8)
})

test('bytes that a tenant releases are free for others', () => {
  const held = new HeldBytes(64 * MB)
  for (const request of taken(held, 'one')) request.release()
  expect(held.total).toBe(0)
  expect(taken(held, 'two').length).toBe(32)
})

test('a request without room is refused as overloaded, with the time of a retry', () => {
  let refused = 0
  const held = new HeldBytes(4 * MB, { onRefused: () => (refused += 1) })
  taken(held, 'one')
  expect(refused).toBe(1)
  expect(() => held.take('one', MB)).toThrow(
    expect.objectContaining({
      code: 'overloaded',
      message: 'Large requests in progress leave no memory for this one',
      facts: { retryAfterMs: 1000 },
    }),
  )
})

test('a request of up to 16 KiB always passes and is not counted', () => {
  const held = new HeldBytes(4 * MB)
  taken(held, 'one')
  const { total } = held
  expect(held.take('one', 16 * 1024)).toBeUndefined()
  expect(held.total).toBe(total)
})

test('a single request passes, even if it is larger than the limit', () => {
  const held = new HeldBytes(MB)
  const request = held.take('one', 64 * MB)
  expect(held.total).toBe(64 * MB)
  expect(() => held.take('two', MB)).toThrow('Large requests in progress')
  request?.release()
  expect(held.total).toBe(0)
})

test('a request with several holders is free after the last one', () => {
  const held = new HeldBytes(4 * MB)
  const request = held.take('one', MB)
  const letGo = request?.keep()
  request?.release()
  expect(held.total).toBe(MB)
  letGo?.()
  expect(held.total).toBe(0)
})

test('a request of unknown length counts the bytes that have arrived', () => {
  const held = new HeldBytes(5 * MB)
  const other = held.take('one', MB)
  const request = held.begin('one')
  expect([request.grow(MB), request.grow(MB), request.grow(MB), request.grow(MB)]).toEqual([
    true,
    true,
    true,
    false,
  ])
  expect(held.total).toBe(4 * MB)
  request.release()
  expect(held.total).toBe(MB)
  other?.release()
  expect(held.total).toBe(0)
})

test('a request that grows has room if all of it would have had room at once', () => {
  const held = new HeldBytes(4 * MB)
  held.take('one', MB)
  const request = held.take('one', MB)
  expect(request?.grow(MB)).toBe(true)
  expect(request?.grow(1)).toBe(false)
})

test('a JSON text counts its bytes, and 64 more for each comma, which stands for a value', () => {
  expect(memoryOf(Buffer.from(JSON.stringify('x'.repeat(5000))))).toBe(5002)
  expect(memoryOf(Buffer.from(`[${'{},'.repeat(1000)}{}]`))).toBe(3004 + 64_000)
  expect(memoryOf(Buffer.from(`[${'{},'.repeat(300)}{}]`))).toBe(904)
})

test('a request is free once its response is closed, also if it was closed before', () => {
  const held = new HeldBytes(4 * MB)
  const [before, later] = [held.take('one', MB), held.take('one', MB)]
  let end = (): void => undefined
  before?.releaseAfter({ closed: true, once: () => undefined })
  later?.releaseAfter({ closed: false, once: (_event, listener) => (end = listener) })
  expect([before?.grow(1), held.total]).toEqual([false, MB])
  end()
  expect(held.total).toBe(0)
})
