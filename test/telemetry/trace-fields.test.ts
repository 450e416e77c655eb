import { expect, test } from '@jest/globals'
import { formatTraceFields, parseTraceFields } from '../../src/telemetry/trace-fields.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const SPAN = 'b7ad6b7169203331'

test('a valid traceparent names a remote parent', () => {
  expect(parseTraceFields({ traceparent: `00-${TRACE}-${SPAN}-01` })).toEqual({
    traceId: TRACE,
    spanId: SPAN,
    traceFlags: 1,
    isRemote: true,
  })
})

test('later versions may have more fields and flags, of which only the sampled one counts', () => {
  const parent = parseTraceFields({ traceparent: `cc-${TRACE}-${SPAN}-fe-what-the-future-will-be` })
  expect(parent).toMatchObject({ traceId: TRACE, traceFlags: 0 })
})

test.each([
  ['not a text', 42],
  ['an object', { length: 55 }],
  ['empty', ''],
  ['a zero trace id', `00-${'0'.repeat(32)}-${SPAN}-01`],
  ['a zero span id', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['version ff', `ff-${TRACE}-${SPAN}-01`],
  ['upper case', `00-${TRACE.toUpperCase()}-${SPAN}-01`],
  ['too short', `00-${TRACE}-${SPAN}`],
  ['more fields in version 00', `00-${TRACE}-${SPAN}-01-more`],
  ['spaces', ` 00-${TRACE}-${SPAN}-01`],
  ['a line break', `00-${TRACE}-${SPAN}-01\n`],
  ['endless', `01-${TRACE}-${SPAN}-01-${'x'.repeat(300)}`],
])('a traceparent that is %s names nobody', (_what, traceparent) => {
  expect(parseTraceFields({ traceparent })).toBeUndefined()
})

test('tracestate passes with its traceparent', () => {
  const parent = parseTraceFields({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate: 'a=1,b=2' })
  expect(parent && formatTraceFields(parent)).toEqual({
    traceparent: `00-${TRACE}-${SPAN}-01`,
    tracestate: 'a=1,b=2',
  })
})

test.each([
  ['too long', `a=${'x'.repeat(600)}`],
  ['no list', 'anything at all'],
  ['not a text', ['a=1']],
])('a tracestate that is %s is dropped', (_what, tracestate) => {
  const parent = parseTraceFields({ traceparent: `00-${TRACE}-${SPAN}-01`, tracestate })
  expect(parent && formatTraceFields(parent)).toEqual({ traceparent: `00-${TRACE}-${SPAN}-01` })
})

test('a span that is not sampled says so', () => {
  expect(formatTraceFields({ traceId: TRACE, spanId: SPAN, traceFlags: 0 })).toEqual({
    traceparent: `00-${TRACE}-${SPAN}-00`,
  })
})
