import { expect, test } from '@jest/globals'
import { rowsOf, spreadOf } from '../../bench/comparison/figures.ts'
import { tableOf } from '../../bench/comparison/report.ts'
import { measurement } from './measurement.ts'

const measurements = [
  measurement('bare-proxy', 1, 100),
  measurement('modern', 1, 250),
  measurement('bare-proxy', 2, 200),
  measurement('modern', 2, 300),
  measurement('bare-proxy', 3, 80),
  measurement('modern', 3, 240),
]

test('the median of an odd number of values is the one in the middle, of an even number between the two', () => {
  expect(spreadOf([5, 1, 9])).toEqual({ median: 5, min: 1, max: 9 })
  expect(spreadOf([4, 1, 9, 2])).toEqual({ median: 3, min: 1, max: 9 })
  expect(spreadOf([7])).toEqual({ median: 7, min: 7, max: 7 })
  expect(() => spreadOf([])).toThrow('no value was measured')
})

test('each measurement is compared with the floor of the same round, not with the median of the floor', () => {
  const [floor, modern] = rowsOf(measurements, 'bare-proxy')
  expect(floor?.ratio).toEqual({ median: 1, min: 1, max: 1 })
  expect(modern?.system).toBe('modern')
  expect(modern?.cpuUs).toEqual({ median: 250, min: 240, max: 300 })
  expect(modern?.ratio).toEqual({ median: 2.5, min: 1.5, max: 3 })
})

test('without a measurement of the floor at that number of callers there is no ratio', () => {
  const [row] = rowsOf([{ ...measurement('modern', 1, 250), callers: 1 }, ...measurements], 'bare-proxy')
  expect(row).toMatchObject({ system: 'modern', callers: 1, ratio: undefined })
})

test('the table has a line for each system, with medians and bounds', () => {
  expect(tableOf(rowsOf(measurements, 'bare-proxy'))).toBe(
    [
      'system      callers    CPU µs/call      × bare proxy  children µs  calls/s  p50 ms  p99 ms  RSS MB',
      'bare-proxy       32   100 (80-200)              1.00            -     1000    1.50    4.00      80',
      'modern           32  250 (240-300)  2.50 (1.50-3.00)            -     1000    1.50    4.00      80',
      '',
    ].join('\n'),
  )
})
