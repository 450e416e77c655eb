import { expect, test } from '@jest/globals'
import {
  isOversizedReply,
  oversizedReply,
  responseId,
} from '../../../src/upstream/messages/oversized-message.ts'

test.each([
  ['{"jsonrpc":"2.0","id":7,"result":{"x', 7],
  ['{"id": 7, "jsonrpc" : "2.0", "error":{', 7],
  ['  { "id":"a\\"b","result":', 'a"b'],
  ['{"id":7,"method":"sampling/createMessage","params":{"result":', undefined],
  ['{"jsonrpc":"2.0","id":{"a":1},"result":', undefined],
  ['{"result":{"id":7,"result":1', undefined],
  ['{"jsonrpc":"2.0","id":null,"result":', undefined],
])('the id of a response is read from its first bytes: %s', (head, id) => {
  expect(responseId(head, undefined)).toBe(id)
})

test.each([
  ['{"result":{"x":"', 'xxx"}},"jsonrpc":"2.0","id":8}', 8],
  ['{"jsonrpc":"2.0","error":{', '}},"id":"s","jsonrpc":"2.0" } \r', 's'],
  ['{"result":{"x":"', '"id":8},"y":1}', undefined],
  ['{"jsonrpc":"2.0","id":7,"result":{"x', 'xxx,"id":8}', undefined],
  ['{"method":"x","params":{', '},"jsonrpc":"2.0","id":8}', undefined],
])('the id of a response is read from its last bytes: %s … %s', (head, tail, id) => {
  expect(responseId(head, tail)).toBe(id)
})

test('the reply in place of one that was too large is known again, and no other error is taken for it', () => {
  const { error } = oversizedReply(3)
  expect(isOversizedReply(error.code, error.data)).toBe(true)
  expect(isOversizedReply(error.code, undefined)).toBe(false)
  expect(isOversizedReply(-32_000, error.data)).toBe(false)
})
