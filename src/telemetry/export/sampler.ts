import {
  type Context,
  isSpanContextValid,
  type Sampler,
  SamplingDecision,
  type SamplingResult,
  trace,
  TraceFlags,
} from '@opentelemetry/api'

const SAMPLED: SamplingResult = { decision: SamplingDecision.RECORD_AND_SAMPLED }
const NOT_SAMPLED: SamplingResult = { decision: SamplingDecision.NOT_RECORD }

/**
 * Samples a share of the requests that arrive, each with everything below it. Neither the flag nor the trace id that
 * a caller sends has a part in it: callers must be able neither to fill our collector nor to hide from it.
 */
export class EntrySampler implements Sampler {
  readonly #ratio: number
  readonly #random: () => number

  /** @param options.ratio from 0, nothing, to 1, everything */
  constructor(options: { ratio: number; random: () => number }) {
    this.#ratio = options.ratio
    this.#random = options.random
  }

  shouldSample(within: Context): SamplingResult {
    const parent = trace.getSpanContext(within)
    if (parent !== undefined && parent.isRemote !== true && isSpanContextValid(parent)) {
      return parent.traceFlags & TraceFlags.SAMPLED ? SAMPLED : NOT_SAMPLED
    }
    return this.#random() < this.#ratio ? SAMPLED : NOT_SAMPLED
  }

  toString(): string {
    return `EntrySampler{${this.#ratio}}`
  }
}
