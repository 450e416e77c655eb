import { expect, test } from '@jest/globals'
import { importanceOf } from '../../../src/upstream/messages/notification-scan.ts'

const read = (text: string): string => {
  const bytes = Buffer.from(`before${text}behind`)
  return importanceOf(bytes, 6, bytes.length - 6)
}

test.each([
  '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"d"}}',
  '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}',
  ' { "params" : {"id":1,"result":{},"error":null} , "method" : "notifications/evil" , "jsonrpc":"2.0" } ',
  '{"method":"notifications/message","params":{"data":"} , \\"id\\": 1, \\\\"}}',
  '{"params":[{"id":1},["id"]],"method":"notifications/message"}',
])('%s says how something is going on', (text) => expect(read(text)).toBe('passing'))

test.each([
  '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}',
  '{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b"}}',
  '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}',
])('%s says that something has changed', (text) => expect(read(text)).toBe('telling'))

test.each([
  ['an answer', '{"jsonrpc":"2.0","id":1,"result":{"method":"notifications/message"}}'],
  ['an answer, its id last', '{"result":{"a":["x",{"b":1}]},"jsonrpc":"2.0","id":"1"}'],
  ['an error', '{"error":{"code":1,"message":"m"},"jsonrpc":"2.0"}'],
  ['a request', '{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{}}'],
  ['a request by another name', '{"method":"notifications/message","id":7}'],
  ['a request whose id comes first', '{"id":7,"method":"notifications/message"}'],
  ['a request whose id is null', '{"id":null,"method":"notifications/message"}'],
  ['a name with an escape', '{"method":"notifications/message","\\u0069d":7}'],
  ['a long name with an escape', '{"method":"notifications/message","\\u0069\\u0064":7}'],
  ['a method with an escape', '{"method":"notifications\\/message"}'],
  ['another method', '{"method":"ping"}'],
  ['no method', '{"jsonrpc":"2.0"}'],
  ['a method that is no text', '{"method":7}'],
  ['a batch', '[{"method":"notifications/message"},{"id":1,"result":{}}]'],
  ['two messages', '{"method":"notifications/message"}{"id":1,"result":{}}'],
  ['half a message', '{"method":"notifications/message","params":{"data":"'],
  ['a message without an end', '{"method":"notifications/message"'],
  ['text', 'notifications/message'],
  ['nothing', ''],
])('%s is in doubt', (_what, text) => expect(read(text)).toBe('other'))
