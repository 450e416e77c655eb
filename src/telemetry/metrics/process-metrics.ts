import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { BatchObservableResult, Meter } from '@opentelemetry/api'

/** Each sample wakes an idle process up; those of a quarter of a minute are enough for a percentile. */
const RESOLUTION_MS = 50

/** Load and memory of this process, observed when the metrics are read. */
export class ProcessMetrics {
  readonly #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS })

  constructor(meter: Meter) {
    const delay = meter.createObservableGauge('nodejs.eventloop.delay.p99', {
      description: 'Delay of the event loop since the last reading, 99th percentile',
      unit: 's',
    })
    const resident = meter.createObservableGauge('process.memory.usage', {
      description: 'Resident memory of the process',
      unit: 'By',
    })
    const heap = meter.createObservableGauge('v8js.memory.heap.used', {
      description: 'Memory of live JavaScript objects, and of dead ones not collected yet',
      unit: 'By',
    })
    const cpu = meter.createObservableCounter('process.cpu.time', {
      description: 'CPU time that the process has used',
      unit: 's',
    })
    const observe = (result: BatchObservableResult): void => {
      const memory = process.memoryUsage()
      const used = process.cpuUsage()
      result.observe(delay, this.#takeDelay())
      result.observe(resident, memory.rss)
      result.observe(heap, memory.heapUsed)
      result.observe(cpu, used.user / 1e6, { mode: 'user' })
      result.observe(cpu, used.system / 1e6, { mode: 'system' })
    }
    meter.addBatchObservableCallback(observe, [delay, resident, heap, cpu])
    this.#delay.enable()
  }

  close(): void {
    this.#delay.disable()
  }

  /** In seconds. The histogram holds the times between two ticks, so a tick's own length is no delay. */
  #takeDelay(): number {
    const between = this.#delay.count === 0 ? 0 : this.#delay.percentile(99) / 1e6
    this.#delay.reset()
    return Math.max(between - RESOLUTION_MS, 0) / 1000
  }
}
