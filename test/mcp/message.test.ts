import { expect, test } from '@jest/globals'
import { messageIn } from '../../src/mcp/message.ts'

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
