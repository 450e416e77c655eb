import { expect, test } from '@jest/globals'
import { cacheTtlOf } from '../../src/calls/cache-rule.ts'
import { needsClient, offer, server, tool } from '../support/offers.ts'
import { catalogOf } from '../support/routing.ts'

const READS = { readOnlyHint: true }
const PATTERN = { 'find*': { cacheTtlMs: 50 } }
const EXACT = { find: { cacheTtlMs: 70 } }

test.each([
  ['only reads, by a pattern', READS, PATTERN, 50],
  ['only reads, by its name', READS, EXACT, 70],
  ['only reads, by its name before a pattern', READS, { ...PATTERN, ...EXACT }, 70],
  ['only reads, whatever else it says', { ...READS, destructiveHint: true }, PATTERN, 50],
  ['only reads, and has no time of its own', READS, { other: { cacheTtlMs: 5 } }, undefined],
  ['says nothing of itself, by a pattern', {}, PATTERN, undefined],
  ['says nothing of itself, by its name', {}, EXACT, 70],
  ['says nothing of itself, whose own entry has no time', {}, { ...PATTERN, find: {} }, undefined],
  ['writes, by its name', { readOnlyHint: false }, EXACT, undefined],
  ['destroys, by its name', { destructiveHint: true }, EXACT, undefined],
])('results of a tool that %s are kept for %j %j: %p ms', (_which, annotations, tools, ttlMs) => {
  const its = server({ tools })
  const catalog = catalogOf([its, offer({ tools: [tool('find', { annotations })] })])
  expect(cacheTtlOf({ server: its, name: 'find' }, catalog)).toBe(ttlMs)
})

test('nothing is kept of a server with a connection for each session', () => {
  const its = server({ tools: EXACT, sharing: 'session' })
  const catalog = catalogOf([its, offer({ tools: [tool('find')] })])
  expect(cacheTtlOf({ server: its, name: 'find' }, catalog)).toBeUndefined()
})

test('nothing is kept of a tool that is only for clients that can be asked', () => {
  const its = server({ tools: EXACT })
  const offered = offer({ tools: [tool('find')], ...needsClient({ tools: ['find'] }) })
  expect(cacheTtlOf({ server: its, name: 'find' }, catalogOf([its, offered]))).toBeUndefined()
})
