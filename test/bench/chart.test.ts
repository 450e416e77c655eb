import { expect, test } from '@jest/globals'
import { chartOf } from '../../bench/comparison/chart.ts'
import { rowsOf } from '../../bench/comparison/figures.ts'
import { measurement } from './measurement.ts'

const measurements = [
  measurement('bare-proxy', 1, 100),
  measurement('modern', 1, 110),
  measurement('bare-proxy', 2, 100),
  measurement('modern', 2, 220),
]

test('a chart has a bar up to the median and a line from the smallest to the largest value, on one scale', () => {
  const chart = chartOf(rowsOf(measurements, 'bare-proxy'))
  expect(chart).toContain('<text x="8" y="61">bare-proxy, 32 callers</text>')
  expect(chart).toContain('<rect class="bar" x="190" y="50" width="200.0" height="14"/>')
  expect(chart).toContain('<rect class="bar" x="190" y="76" width="330.0" height="14"/>')
  expect(chart).toContain('<line class="bounds" x1="410.0" y1="83" x2="630.0" y2="83"/>')
  expect(chart).toContain('<text x="638" y="87">1.65 (1.10-2.20)</text>')
  expect(chart).toContain('<line class="floor" x1="390.0"')
})

test('what was measured without the bare proxy cannot be drawn', () => {
  expect(() => chartOf(rowsOf([measurement('modern', 1, 110)], 'bare-proxy'))).toThrow(
    'nothing was measured next to the bare proxy',
  )
})
