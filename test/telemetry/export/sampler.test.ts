import { ROOT_CONTEXT, SamplingDecision, type SpanContext, trace } from '@opentelemetry/api'
import { expect, test } from '@jest/globals'
import { EntrySampler } from '../../../src/telemetry/export/sampler.ts'

const PARENT: SpanContext = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  traceFlags: 1,
}

function decisionOf(parent: SpanContext | undefined, ratio: number, random: number): SamplingDecision {
  const sampler = new EntrySampler({ ratio, random: () => random })
  return sampler.shouldSample(parent ? trace.setSpanContext(ROOT_CONTEXT, parent) : ROOT_CONTEXT).decision
}

test.each([
  ['below', 0.1, 0.09, SamplingDecision.RECORD_AND_SAMPLED],
  ['at', 0.1, 0.1, SamplingDecision.NOT_RECORD],
  ['never', 0, 0, SamplingDecision.NOT_RECORD],
  ['always', 1, 0.999, SamplingDecision.RECORD_AND_SAMPLED],
])('a request without a parent is sampled by the ratio: %s', (_what, ratio, random, decision) => {
  expect(decisionOf(undefined, ratio, random)).toBe(decision)
})

test('what a caller says of sampling counts for nothing, either way', () => {
  const remote = { ...PARENT, isRemote: true }
  expect(decisionOf(remote, 0.1, 0.5)).toBe(SamplingDecision.NOT_RECORD)
  expect(decisionOf({ ...remote, traceFlags: 0 }, 0.1, 0.05)).toBe(SamplingDecision.RECORD_AND_SAMPLED)
})

test('a span below one of ours is sampled as that one is', () => {
  expect(decisionOf(PARENT, 0, 0.5)).toBe(SamplingDecision.RECORD_AND_SAMPLED)
  expect(decisionOf({ ...PARENT, traceFlags: 0 }, 1, 0)).toBe(SamplingDecision.NOT_RECORD)
})

test('it names itself with its ratio', () => {
  expect(String(new EntrySampler({ ratio: 0.25, random: Math.random }))).toBe('EntrySampler{0.25}')
})
