import type { Counter, Histogram, Meter } from '@opentelemetry/api'

/** Upper bounds in seconds: as long as people take. */
const BUCKETS = [1, 5, 15, 60, 300, 900, 3600, 14_400, 86_400]

/** What becomes of calls that need a person's yes. */
export class ApprovalMetrics {
  readonly #events: Counter
  readonly #wait: Histogram
  readonly #notices: Counter

  constructor(meter: Meter) {
    this.#events = meter.createCounter('gateway.approvals', {
      description: 'Requests for approval of calls, by what happened to them',
    })
    this.#wait = meter.createHistogram('gateway.approval.wait', {
      description: 'Time from a request for approval to its answer',
      unit: 's',
      advice: { explicitBucketBoundaries: BUCKETS },
    })
    this.#notices = meter.createCounter('gateway.approval.notices', {
      description: 'Reports to the webhook of approvals, by outcome',
    })
  }

  /** @param waitedMs from the request to its answer; absent for every other event */
  event(event: string, rule: string, waitedMs?: number): void {
    this.#events.add(1, { event, rule })
    if (waitedMs !== undefined) this.#wait.record(Math.max(0, waitedMs) / 1000, { answer: event })
  }

  /** Counts a report to the webhook. */
  notice(outcome: 'delivered' | 'failed' | 'dropped'): void {
    this.#notices.add(1, { outcome })
  }
}
