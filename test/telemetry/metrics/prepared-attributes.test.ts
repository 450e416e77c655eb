import { expect, test } from '@jest/globals'
import { PreparedAttributes } from '../../../src/telemetry/metrics/prepared-attributes.ts'

test('attributes are made once for each list of labels', () => {
  const prepared = new PreparedAttributes()
  let made = 0
  const of = (...labels: (string | undefined)[]): unknown =>
    prepared.of(labels, () => ({ made: (made += 1) }))
  expect(of('call', 'ok')).toEqual({ made: 1 })
  expect(of('call', 'error')).toEqual({ made: 2 })
  expect(of('call', 'ok')).toBe(of('call', 'ok'))
  expect(made).toBe(2)
})

test('lists of labels that read alike have different attributes', () => {
  const prepared = new PreparedAttributes()
  const lists = [[], [''], [undefined], ['undefined'], ['a b'], ['a', 'b'], ['a', '', 'b'], ['a'], ['b', 'a']]
  lists.forEach((labels, index) => prepared.of(labels, () => ({ index })))
  expect(lists.map((labels) => prepared.of(labels, () => ({})))).toEqual(
    [0, 1, 2, 3, 4, 5, 6, 7, 8].map((index) => ({ index })),
  )
})
