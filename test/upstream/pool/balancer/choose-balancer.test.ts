import { expect, test } from '@jest/globals'
import { algorithmOf, createBalancer } from '../../../../src/upstream/pool/balancer/choose-balancer.ts'
import { processServer, server } from '../../world.ts'
import { candidates } from './candidates.ts'

test('endpoints take turns and processes get the next call by their load, unless the document says otherwise', () => {
  expect(algorithmOf(server())).toBe('round_robin')
  expect(algorithmOf(processServer())).toBe('least_in_flight')
  expect(algorithmOf(server({ loadBalancing: 'consistent_hash' }))).toBe('consistent_hash')
})

test('every algorithm of the document is there', () => {
  const all = candidates({ id: 'a', inFlight: 1 }, { id: 'b', weight: 9 })
  const picked = (['round_robin', 'least_in_flight', 'weighted', 'consistent_hash'] as const).map((name) => {
    const balancer = createBalancer(name, { random: () => 0.5 })
    return [balancer.pick(all)?.id, balancer.pick(all)?.id]
  })
  expect(picked).toEqual([
    ['a', 'b'],
    ['b', 'b'],
    ['b', 'b'],
    ['b', 'b'],
  ])
})
