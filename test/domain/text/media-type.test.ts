import { expect, test } from '@jest/globals'
import { acceptsType, mediaTypeOf } from '../../../src/domain/text/media-type.ts'

const EVENTS = 'text/event-stream'

test.each([
  [undefined, true],
  ['', true],
  ['*/*', true],
  ['text/*', true],
  ['Text/Event-Stream', true],
  ['application/json, text/event-stream', true],
  ['application/json;q=1, text/event-stream;q=0.1', true],
  ['text/event-stream; charset=utf-8', true],
  ['text/event-stream;q=0', false],
  ['text/event-stream; q=0.000, */*', false],
  ['text/*;q=0, */*', false],
  ['*/*;q=0', false],
  ['application/json', false],
  ['text/event-streams', false],
  ['x-text/event-stream', false],
  ['application/json; note="text/event-stream"', false],
])('Accept %j takes an event stream: %j', (header, expected) => {
  expect(acceptsType(header, EVENTS)).toBe(expected)
})

test('an Accept header of any length costs no more than its first 64 ranges', () => {
  expect(acceptsType(`${'a/b,'.repeat(100_000)}${EVENTS}`, EVENTS)).toBe(false)
})

test.each([
  ['application/json', 'application/json'],
  ['Text/Event-Stream ; charset=utf-8', 'text/event-stream'],
  ['', ''],
])('the type that %j names is %j', (header, type) => {
  expect(mediaTypeOf(header)).toBe(type)
})
