import { expect, test } from '@jest/globals'
import type { CheckedServer } from '../../../src/registry/documents/check-server.ts'
import { ParseMemory } from '../../../src/registry/documents/parse-memory.ts'

const CHECKED: CheckedServer = { valid: undefined, problems: [] }

test('a document is checked once, until it changes or is forgotten', () => {
  const memory = new ParseMemory<CheckedServer>()
  const checks: string[] = []
  const ask = (id: string, value: unknown): CheckedServer =>
    memory.checked(id, value, () => {
      checks.push(id)
      return { ...CHECKED }
    })
  const first = ask('a', { x: 1 })
  expect(ask('a', { x: 1 })).toBe(first)
  memory.settle()
  expect(ask('a', { x: 1 })).toBe(first)
  memory.settle()
  ask('a', { x: 2 })
  memory.settle()
  memory.settle()
  ask('a', { x: 2 })
  expect(checks).toEqual(['a', 'a', 'a'])
})

test('what has no JSON is checked each time', () => {
  const memory = new ParseMemory<CheckedServer>()
  let checks = 0
  const cyclic: Record<string, unknown> = {}
  cyclic['self'] = cyclic
  for (let time = 0; time < 2; time += 1)
    memory.checked('a', cyclic, () => {
      checks += 1
      return CHECKED
    })
  expect(checks).toBe(2)
})

test('however many documents are new, other work gets its turn after each hundred', async () => {
  const memory = new ParseMemory<CheckedServer>()
  let checks = 0
  const turns: number[] = []
  const documents = Array.from({ length: 1000 }, (_, index) => ({
    id: `s${index}`,
    value: { index },
    check: () => {
      checks += 1
      return CHECKED
    },
  }))
  const watch = (): void => {
    turns.push(checks)
    if (checks < 1000) setImmediate(watch)
  }
  setImmediate(watch)
  await memory.prepare(documents)
  const steps = turns.map((count, index) => count - (turns[index - 1] ?? 0))
  expect(Math.max(...steps)).toBeLessThanOrEqual(200)
  expect(checks).toBe(1000)
})

test('large documents are checked a hundred KiB in a turn, however few they are', async () => {
  const memory = new ParseMemory<CheckedServer>()
  const text = 'x'.repeat(60 * 1024)
  let checks = 0
  const turns: number[] = []
  const watch = (): void => {
    turns.push(checks)
    if (checks < 20) setImmediate(watch)
  }
  setImmediate(watch)
  const check = (): CheckedServer => {
    checks += 1
    return CHECKED
  }
  await memory.prepare(
    Array.from({ length: 20 }, (_, index) => ({ id: `s${index}`, value: { text }, check })),
  )
  const steps = turns.map((count, index) => count - (turns[index - 1] ?? 0))
  expect(Math.max(...steps)).toBe(2)
})
