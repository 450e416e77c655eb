import { expect, test } from '@jest/globals'
import { unmatchedEntries } from '../../../src/catalog/shaping/unmatched-entries.ts'
import { server } from '../../support/offers.ts'

const NAMES = ['read_file', 'delete_file', 'delete_folder']

test('an entry that matches no tool is named, be it a name or a pattern, of a list or of its own', () => {
  const tools = {
    include: ['read_*', 'delete_file', 'lits_*'],
    exclude: ['delet_*', 'delete_folder', 'drop'],
    read_file: { timeoutMs: 5 },
    raed_file: { requiredRoles: ['editor'] },
    '*_secret': { untrusted: true },
    '*_file': { untrusted: true },
  }
  expect(unmatchedEntries(server({ tools }), NAMES)).toEqual([
    'tools.include: no tool of the server matches lits_*',
    'tools.exclude: no tool of the server matches delet_*',
    'tools.exclude: no tool of the server matches drop',
    'tools: no tool of the server matches raed_file',
    'tools: no tool of the server matches *_secret',
  ])
})

test('nothing is said of a server whose tools are not known', () => {
  expect(unmatchedEntries(server({ tools: { exclude: ['delet_*'] } }), [])).toEqual([])
  expect(unmatchedEntries(server({}), NAMES)).toEqual([])
})

test('of many entries the first ten are named, and the others are counted', () => {
  const exclude = Array.from({ length: 1000 }, (_, at) => `no_${at}`)
  const problems = unmatchedEntries(server({ tools: { exclude } }), NAMES)
  expect(problems).toHaveLength(11)
  expect(problems.at(-1)).toBe('tools: 990 more entries match no tool')
})

test('a thousand patterns beside ten thousand tools are not all looked for', () => {
  const names = Array.from({ length: 10_000 }, (_, at) => `tool_${at}`)
  const exclude = Array.from({ length: 1000 }, (_, at) => `no_${at}_*`)
  expect(unmatchedEntries(server({ tools: { exclude } }), names)).toHaveLength(10)
})
