import { expect, test } from '@jest/globals'
import { AggregationTemporality, type HistogramMetricData } from '@opentelemetry/sdk-metrics'
import { DurationProducer, Durations } from '../../../src/telemetry/metrics/durations.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const { CUMULATIVE, DELTA } = AggregationTemporality

function histogram(): Durations {
  return new Durations({ name: 'x.duration', description: 'how long x takes', bounds: [0.01, 0.1] })
}

async function pointsOf(producer: DurationProducer): Promise<HistogramMetricData['dataPoints']> {
  const { resourceMetrics } = await producer.collect()
  return resourceMetrics.scopeMetrics.flatMap(({ metrics }) =>
    metrics.flatMap((metric) => (metric as HistogramMetricData).dataPoints),
  )
}

test('a duration is counted in the first bucket whose bound it does not exceed', async () => {
  const durations = histogram()
  const series = durations.of({ face: 'rest' })
  for (const ms of [-5, 10, 10.1, 100, 2000]) series.record(ms)
  const producer = new DurationProducer({
    histograms: [durations],
    temporality: CUMULATIVE,
    clock: new FakeClock(),
  })
  expect(await pointsOf(producer)).toMatchObject([
    {
      attributes: { face: 'rest' },
      value: {
        buckets: { boundaries: [0.01, 0.1], counts: [2, 2, 1] },
        count: 5,
        sum: expect.closeTo(2.1201, 9),
        min: 0,
        max: 2,
      },
    },
  ])
})

test('a reader of differences gets what has come since it asked last, and another one everything', async () => {
  const durations = histogram()
  const series = durations.of({})
  const clock = new FakeClock()
  const producers = [DELTA, CUMULATIVE].map(
    (temporality) => new DurationProducer({ histograms: [durations], temporality, clock }),
  )
  const counts = async (): Promise<unknown[]> =>
    await Promise.all(
      producers.map(async (producer) => {
        const points = await pointsOf(producer)
        return points.map(({ value: { count, sum, buckets } }) => [count, sum, buckets.counts])
      }),
    )
  series.record(500)
  series.record(500)
  expect(await counts()).toEqual([[[2, 1, [0, 0, 2]]], [[2, 1, [0, 0, 2]]]])
  series.record(5)
  expect(await counts()).toEqual([
    [[1, expect.closeTo(0.005, 9), [1, 0, 0]]],
    [[3, expect.closeTo(1.005, 9), [1, 0, 2]]],
  ])
  expect(await counts()).toEqual([[], [[3, expect.closeTo(1.005, 9), [1, 0, 2]]]])
})

test('the period of a difference begins where the last one ended', async () => {
  const durations = histogram()
  const series = durations.of({})
  const clock = new FakeClock()
  const producer = new DurationProducer({ histograms: [durations], temporality: DELTA, clock })
  const start = clock.now()
  const periods: unknown[] = []
  for (let turn = 0; turn < 2; turn += 1) {
    await clock.advance(1500)
    series.record(1)
    const points = await pointsOf(producer)
    periods.push(points.map(({ startTime, endTime }) => [msOf(startTime) - start, msOf(endTime) - start]))
  }
  expect(periods).toEqual([[[0, 1500]], [[1500, 3000]]])
})

test('a histogram without a value is not told of', async () => {
  const producer = new DurationProducer({
    histograms: [histogram()],
    temporality: CUMULATIVE,
    clock: new FakeClock(),
  })
  expect((await producer.collect()).resourceMetrics.scopeMetrics).toMatchObject([{ metrics: [] }])
})

function msOf([seconds, nanoseconds]: readonly [number, number]): number {
  return seconds * 1000 + nanoseconds / 1_000_000
}
