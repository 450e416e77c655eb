import { expect, test } from '@jest/globals'
import { guarded } from '../../../src/domain/errors/guarded.ts'
import { runAll } from '../../../src/domain/run-all.ts'

const reasonOf = (check: () => string): string => guarded(check, (reason) => `refused: ${reason}`)

test('a check that does not throw is what it comes to', () => {
  expect(reasonOf(() => 'fine')).toBe('fine')
})

test('the reason says what was thrown and where, and nothing of the value', () => {
  const reason = reasonOf(() => {
    throw new TypeError('hunter2 at secret.ts:1')
  })
  expect(reason).toMatch(
    /^refused: it cannot be checked \(TypeError at guarded\.test\.ts:\d+\): this is a defect of the gateway, please report it$/,
  )
})

test.each<[string, unknown, string]>([
  ['something that is no error', 'hunter2', 'it cannot be checked (string): this is a defect'],
  ['a stack that is too deep', new RangeError('Maximum'), 'it is nested too deeply to be checked'],
])('%s has a reason, too', (_case, thrown, reason) => {
  const text = reasonOf(() => {
    throw thrown
  })
  expect(text).toContain(reason)
  expect(text).not.toContain('hunter2')
})

test('of several steps each one runs, and what they throw comes together', () => {
  const ran: string[] = []
  const failing = (name: string) => (): void => {
    ran.push(name)
    throw new Error(name)
  }
  expect(() => runAll([failing('a'), () => void ran.push('b'), failing('c')])).toThrow(
    expect.objectContaining({ errors: [new Error('a'), new Error('c')] }),
  )
  expect(ran).toEqual(['a', 'b', 'c'])
})
