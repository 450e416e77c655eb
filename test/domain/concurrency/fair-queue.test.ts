import { beforeEach, expect, test } from '@jest/globals'
import { FairQueue } from '../../../src/domain/concurrency/fair-queue.ts'

let queue: FairQueue<string>

const items = (): (string | undefined)[] => [...queue].map(({ item }) => item)

beforeEach(() => {
  queue = new FairQueue()
})

/** Adds items named by tenant, principal and number. */
function add(...names: string[]): void {
  for (const name of names) queue.add(name, { tenant: name.slice(0, 1), principal: name.slice(1, 2) })
}

function serveAll(): string[] {
  const order: string[] = []
  for (;;) {
    const next = queue.first
    if (next?.item === undefined) return order
    expect([...queue][0]).toBe(next)
    order.push(next.item)
    queue.served(next)
  }
}

test('tenants take turns, however much one of them has waiting', () => {
  add('Aa1', 'Aa2', 'Aa3', 'Aa4', 'Bb1', 'Cc1')
  expect(serveAll()).toEqual(['Aa1', 'Bb1', 'Cc1', 'Aa2', 'Aa3', 'Aa4'])
})

test('so do the principals of a tenant', () => {
  add('Aa1', 'Aa2', 'Aa3', 'Ab1', 'Ab2')
  expect(serveAll()).toEqual(['Aa1', 'Ab1', 'Aa2', 'Ab2', 'Aa3'])
})

test('who comes late waits for one turn of each of the others', () => {
  add('Aa1', 'Aa2', 'Aa3')
  const [first] = queue
  if (first !== undefined) queue.served(first)
  add('Bb1')
  expect(items()).toEqual(['Aa2', 'Bb1', 'Aa3'])
})

test('is gone through in the order in which it would be served, without what was removed meanwhile', () => {
  add('Aa1', 'Aa2', 'Bb1')
  const seen: string[] = []
  const [, , third] = queue
  for (const { item } of queue) {
    seen.push(item ?? '')
    if (third !== undefined) queue.remove(third)
  }
  expect(seen).toEqual(['Aa1', 'Bb1'])
  expect([queue.size, queue.sizeOf('A'), queue.sizeOf('B'), third && queue.remove(third)]).toEqual([
    2,
    1,
    1,
    false,
  ])
  expect(third?.item).toBeUndefined()
})

test('names the newest item of the tenant that has the most', () => {
  add('Bb1', 'Aa1', 'Aa2', 'Ab1')
  expect(queue.newestOfMoreThan(2)?.item).toBe('Aa2')
  expect(queue.newestOfMoreThan(3)).toBeUndefined()
})
