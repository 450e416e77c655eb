import { type Attributes, ValueType } from '@opentelemetry/api'
import {
  AggregationTemporality,
  type CollectionResult,
  DataPointType,
  type HistogramMetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics'
import { emptyResource } from '@opentelemetry/resources'
import type { Clock } from '../../domain/clock.ts'

type Time = HistogramMetricData['dataPoints'][number]['startTime']
type Value = HistogramMetricData['dataPoints'][number]['value']

/** What a histogram is called and measures, and the upper bounds of its buckets, in seconds and ascending. */
export interface DurationOptions {
  readonly name: string
  readonly description: string
  readonly bounds: readonly number[]
}

/** The durations of one set of attributes. */
export class DurationSeries {
  readonly attributes: Attributes
  readonly #bounds: readonly number[]
  readonly #counts: number[]
  #count = 0
  #sum = 0
  #min = Infinity
  #max = -Infinity

  constructor(attributes: Attributes, bounds: readonly number[]) {
    this.attributes = attributes
    this.#bounds = bounds
    this.#counts = Array.from({ length: bounds.length + 1 }, () => 0)
  }

  get count(): number {
    return this.#count
  }

  /** Counts a duration; a negative one, of a clock that was set back, as none. */
  record(durationMs: number): void {
    const seconds = Math.max(durationMs, 0) / 1000
    let bucket = 0
    while (seconds > (this.#bounds[bucket] ?? Infinity)) bucket += 1
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#count += 1
    this.#sum += seconds
    this.#min = Math.min(this.#min, seconds)
    this.#max = Math.max(this.#max, seconds)
  }

  /** All so far. */
  get value(): Value {
    const buckets = { boundaries: [...this.#bounds], counts: [...this.#counts] }
    return { buckets, count: this.#count, sum: this.#sum, min: this.#min, max: this.#max }
  }
}

/**
 * A histogram of what every call passes. The SDK writes the attributes of each value as JSON to find what it counts, which
 * takes longer than all counting; here a caller keeps the series that it records in. Its attributes must be bounded.
 */
export class Durations {
  readonly descriptor: HistogramMetricData['descriptor']
  readonly series: DurationSeries[] = []
  readonly #bounds: readonly number[]

  constructor({ name, description, bounds }: DurationOptions) {
    this.descriptor = { name, description, unit: 's', valueType: ValueType.DOUBLE }
    this.#bounds = bounds
  }

  /** The series of attributes that have none yet. */
  of(attributes: Attributes): DurationSeries {
    const series = new DurationSeries(attributes, this.#bounds)
    this.series.push(series)
    return series
  }
}

/** Gives one reader of metrics these histograms: all so far, or what has come since it asked last. */
export class DurationProducer implements MetricProducer {
  readonly #histograms: readonly Durations[]
  readonly #temporality: AggregationTemporality
  readonly #clock: Pick<Clock, 'now'>
  readonly #told = new Map<DurationSeries, Value>()
  #since: Time

  constructor(options: {
    readonly histograms: readonly Durations[]
    readonly temporality: AggregationTemporality
    readonly clock: Pick<Clock, 'now'>
  }) {
    this.#histograms = options.histograms
    this.#temporality = options.temporality
    this.#clock = options.clock
    this.#since = timeOf(options.clock)
  }

  collect(): Promise<CollectionResult> {
    const startTime = this.#since
    const endTime = timeOf(this.#clock)
    const metrics = this.#histograms
      .filter(({ series }) => series.length > 0)
      .map(({ descriptor, series }): HistogramMetricData => ({
        descriptor,
        aggregationTemporality: this.#temporality,
        dataPointType: DataPointType.HISTOGRAM,
        dataPoints: series.flatMap((each) => {
          const value = this.#valueOf(each)
          return value.count === 0 ? [] : [{ startTime, endTime, attributes: each.attributes, value }]
        }),
      }))
    if (this.#temporality === AggregationTemporality.DELTA) this.#since = endTime
    const scopeMetrics = [{ scope: { name: 'tool-gateway' }, metrics }]
    return Promise.resolve({ resourceMetrics: { resource: emptyResource(), scopeMetrics }, errors: [] })
  }

  #valueOf(series: DurationSeries): Value {
    const { value } = series
    if (this.#temporality === AggregationTemporality.CUMULATIVE) return value
    const told = this.#told.get(series)
    this.#told.set(series, value)
    return told === undefined ? value : differenceOf(value, told)
  }
}

/** The least and the most since then are not known, and may be left out. */
function differenceOf(value: Value, told: Value): Value {
  const counts = value.buckets.counts.map((count, index) => count - (told.buckets.counts[index] ?? 0))
  return {
    buckets: { boundaries: value.buckets.boundaries, counts },
    count: value.count - told.count,
    sum: (value.sum ?? 0) - (told.sum ?? 0),
  }
}

function timeOf(clock: Pick<Clock, 'now'>): Time {
  const ms = clock.now()
  return [Math.floor(ms / 1000), (ms % 1000) * 1_000_000]
}
