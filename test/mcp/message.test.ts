import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { messageIn, splitProgressToken } from '../../src/mcp/message.ts'

const LONG = 'x'.repeat(100_000)
const initialize = (params: unknown): unknown => ({ jsonrpc: '2.0', id: 1, method: 'initialize', params })

test('of what a client says of itself a session keeps 128 characters of name and version, and little else', () => {
  const message = messageIn(
    initialize({
      protocolVersion: LONG,
      capabilities: { elicitation: { form: {} }, experimental: { x: LONG } },
      clientInfo: { name: LONG, title: LONG, version: LONG, icons: [{ src: LONG }], websiteUrl: LONG },
      another: LONG,
    }),
  )
  expect(message).toEqual(
    initialize({
      protocolVersion: 'x'.repeat(64),
      capabilities: { elicitation: { form: {} } },
      clientInfo: { name: 'x'.repeat(128), version: 'x'.repeat(128) },
    }),
  )
})

test('a name is not cut in the middle of a character', () => {
  const message = messageIn(
    initialize({
      protocolVersion: '2025-11-25',
      capabilities: {},
      clientInfo: { name: `${'x'.repeat(127)}😀`, version: '1' },
    }),
  )
  expect(message).toMatchObject({ params: { clientInfo: { name: `${'x'.repeat(127)}\uFFFD` } } })
})

test.each([
  [{ clientInfo: { name: 1, version: '1' }, capabilities: {}, protocolVersion: '2025-11-25' }],
  [{ clientInfo: 'x', capabilities: [], protocolVersion: 7 }],
])('an initialize that is not valid stays so: %j', (params) => {
  expect(messageIn(initialize(params))).toMatchObject({ params })
})

test('capabilities that are few stay as they are', () => {
  const params = {
    protocolVersion: '2025-11-25',
    capabilities: { roots: { listChanged: true }, extensions: { 'io.example/x': { a: [1] } } },
    clientInfo: { name: 'client', version: '1' },
  }
  expect(messageIn(initialize(params))).toEqual(initialize(params))
})

describe('the progress token', () => {
  const cases: [JsonObject, JsonObject, unknown][] = [
    [{ a: 1 }, { a: 1 }, undefined],
    [{ a: 1, _meta: { progressToken: 'p', x: 2 } }, { a: 1, _meta: { x: 2 } }, 'p'],
    [{ _meta: { progressToken: 0 } }, {}, 0],
    [{ _meta: { progressToken: {} } }, {}, undefined],
    [{ a: 1, _meta: 'text' }, { a: 1 }, undefined],
  ]
  test.each(cases)('of %j stays here', (params, kept, progressToken) => {
    expect(splitProgressToken(params)).toEqual({ params: kept, progressToken })
  })

  const PARENT = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
  test.each([
    [
      { traceparent: PARENT, tracestate: 'a=b' },
      { traceparent: PARENT, tracestate: 'a=b' },
    ],
    [{ traceparent: 'nonsense', tracestate: 'a=b', other: 1 }, { other: 1 }],
    [{ traceparent: `${PARENT}-${'x'.repeat(1000)}`, other: 1 }, { other: 1 }],
    [{ tracestate: 'a=b', other: 1 }, { other: 1 }],
  ])('leave out a trace context that is none: %j', (given, kept) => {
    expect(splitProgressToken({ _meta: given }).params).toEqual({ _meta: kept })
  })
})
