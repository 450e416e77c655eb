import { expect, test } from '@jest/globals'
import { faultsIn, type History } from './history.ts'

const RIGHT: History = {
  calls: [
    { id: 'a', tenantId: 'acme', answers: ['wrote a'] },
    { id: 'b', tenantId: 'acme', answers: [] },
  ],
  ledger: ['a', 'b'],
  records: [
    { id: 'a', tenantId: 'acme', outcome: 'ok' },
    { id: 'b', tenantId: 'acme', outcome: 'unknown' },
  ],
  processes: [],
}

test('a history in which each executed call is recorded once has no faults', () => {
  expect(faultsIn(RIGHT)).toEqual([])
})

test.each<[string, Partial<History>]>([
  ['a was executed 2 times', { ledger: ['a', 'b', 'a'] }],
  ['b was executed and not recorded', { records: RIGHT.records.slice(0, 1) }],
  ['a was recorded 2 times', { records: [...RIGHT.records, ...RIGHT.records.slice(0, 1)] }],
  ['a was answered more than once', { calls: [{ id: 'a', tenantId: 'acme', answers: ['a', 'a'] }] }],
  ['c was answered and not recorded', { calls: [{ id: 'c', tenantId: 'acme', answers: ['c'] }] }],
  ['a got the answer of another call', { calls: [{ id: 'a', tenantId: 'acme', answers: ['wrote b'] }] }],
  ['a was recorded for acme', { calls: [{ id: 'a', tenantId: 'globex', answers: [] }] }],
  ['process 7 was left', { processes: [7] }],
])('%s', (fault, change) => {
  expect(faultsIn({ ...RIGHT, ...change })).toEqual([fault])
})
