import { type History, STEP_MS, type Step } from '../../telemetry/metrics/call-history.ts'
import { html, type Html } from '../../domain/text/html.ts'
import { count, duration, percent } from '../markup/values.ts'
import { empty } from '../markup/parts.ts'
import { barChart, lineChart } from './chart.ts'

/** Ten minutes: what a chart shows at least. */
const MIN_STEPS = 20

/** The last hour of calls in two charts, from the first call on: how many, and how long they took. */
export function historyCharts({ steps: all, whole }: History): Html {
  if (whole.calls === 0) return empty('No calls in the last hour', 'Charts appear with the first one.')
  const first = all.findIndex(({ calls }) => calls > 0)
  const steps = all.slice(Math.min(first === -1 ? all.length : first, all.length - MIN_STEPS))
  const from = `${Math.round((steps.length * STEP_MS) / 60_000)} min ago`
  const failed = failuresOf(whole)
  return html`<div class="charts">
    ${barChart({
      title: 'Calls per minute',
      summary: `Calls in the last hour: ${whole.calls}, of which failed: ${failed}`,
      series: [
        {
          name: 'Answered',
          ink: 'accent',
          values: steps.map((step) => perMinute(step.calls - failuresOf(step))),
          shown: count(whole.calls - failed),
        },
        {
          name: 'Failed',
          ink: 'bad',
          values: steps.map((step) => perMinute(failuresOf(step))),
          shown: count(failed),
        },
      ],
      format: (value) => count(value),
      from,
    })}
    ${lineChart({
      title: 'Latency',
      summary: `Durations of calls in the last hour: half within ${duration(whole.p50)}, 95 percent within ${duration(whole.p95)}, 99 percent within ${duration(whole.p99)}`,
      series: [
        { name: 'p50', ink: 'accent', values: steps.map(({ p50 }) => p50), shown: duration(whole.p50) },
        { name: 'p95', ink: 'accent-2', values: steps.map(({ p95 }) => p95), shown: duration(whole.p95) },
        { name: 'p99', ink: 'accent-3', values: steps.map(({ p99 }) => p99), shown: duration(whole.p99) },
      ],
      format: duration,
      from,
    })}
  </div>`
}

/** Failed calls of a step, whoever has to act. */
export function failuresOf({ errors }: Step): number {
  return Object.values(errors).reduce((sum, each) => sum + each, 0)
}

/** The share of failed calls in words. */
export function failureShare(step: Step): string {
  return percent(failuresOf(step), step.calls)
}

/** The share of calls that failed because of the server, in words: a mistake of a caller, or a call that waits for approval, is none. */
export function serverFailureShare({ errors, calls }: Step): string {
  return percent(errors.upstream, calls)
}

function perMinute(calls: number): number {
  return (calls * 60_000) / STEP_MS
}
