import { expect, test } from '@jest/globals'
import { cacheTtlOf } from '../../src/calls/cache-rule.ts'
import type { Offer } from '../../src/upstream/discovery/discovery.ts'
import { needsClient, offer, server, tool } from '../support/offers.ts'
import { catalogOf, routedCall } from '../support/routing.ts'

/** How long results of the tool `find` of a server may be kept. */
function ttlOf(document: Record<string, unknown>, offered: Partial<Offer>): number | undefined {
  const definition = server(document)
  const catalog = catalogOf([definition, offer(offered)])
  return cacheTtlOf(routedCall({ server: definition, name: 'find' }, {}, { catalog }).plan.target)
}

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
  expect(ttlOf({ tools }, { tools: [tool('find', { annotations })] })).toBe(ttlMs)
})

test('nothing is cached of a server with a connection for each session', () => {
  expect(ttlOf({ tools: EXACT, sharing: 'session' }, { tools: [tool('find')] })).toBeUndefined()
})

test('nothing is cached of a tool that is only for clients that can be asked', () => {
  const offered = { tools: [tool('find')], ...needsClient({ tools: ['find'] }) }
  expect(ttlOf({ tools: EXACT }, offered)).toBeUndefined()
})
