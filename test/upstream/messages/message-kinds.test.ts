import {
  isJSONRPCErrorResponse,
  isJSONRPCNotification,
  isJSONRPCRequest,
  isJSONRPCResultResponse,
  parseJSONRPCMessage,
  specTypeSchemas,
} from '@modelcontextprotocol/client'
import { beforeAll, expect, test } from '@jest/globals'
import { tellKindsApart } from '../../../src/upstream/messages/message-kinds.ts'

beforeAll(() => tellKindsApart())

const V = { jsonrpc: '2.0' }
const NOTIFICATION = { ...V, method: 'notifications/message', params: { level: 'info', data: 'd' } }

function read(message: unknown): unknown {
  try {
    return parseJSONRPCMessage(message)
  } catch {
    return 'refused'
  }
}

test.each([
  ['a result', { ...V, id: 1, result: {} }, 'result'],
  ['an error', { ...V, id: 1, error: { code: 1, message: 'a' } }, 'error'],
  ['an error without an id', { ...V, error: { code: 1, message: 'a' } }, 'error'],
  ['a request', { ...V, id: 1, method: 'ping' }, 'request'],
  ['a notification', NOTIFICATION, 'notification'],
  ['both a result and an error', { ...V, id: 1, result: {}, error: { code: 1, message: 'a' } }, ''],
  ['a request with a result', { ...V, id: 1, method: 'ping', result: {} }, ''],
  ['an id that is null', { ...V, id: null, method: 'ping' }, ''],
  ['another version', { id: 1, result: {} }, ''],
  ['a result that is a text', { ...V, id: 1, result: 'a' }, ''],
  ['nothing', {}, ''],
  ['a list', [NOTIFICATION], ''],
  ['null', null, ''],
])('%s is the same to the SDK as before', (_what, message, expected) => {
  const kinds = {
    result: isJSONRPCResultResponse(message),
    error: isJSONRPCErrorResponse(message),
    request: isJSONRPCRequest(message),
    notification: isJSONRPCNotification(message),
  }
  const found = Object.entries(kinds).flatMap(([kind, isOne]) => (isOne ? kind : []))
  expect(found.join()).toBe(expected)
  expect(read(message)).toEqual(expected === '' ? 'refused' : message)
})

test('a notification is not compared with the other kinds of messages, which would be refusals', () => {
  const compared: string[] = []
  const method = {
    get method() {
      compared.push('method')
      return 'notifications/message'
    },
  }
  expect(
    parseJSONRPCMessage(Object.defineProperties({ ...V }, Object.getOwnPropertyDescriptors(method))),
  ).toEqual({
    ...V,
    method: 'notifications/message',
  })
  expect(compared).toEqual(['method'])
})

test('what a notification lacks to be an answer is found only when it is asked for', () => {
  const schema = specTypeSchemas.JSONRPCResultResponse as unknown as {
    safeParse: (value: unknown) => { success: boolean; error: { issues: { path: string[] }[] } }
  }
  const refused = schema.safeParse(NOTIFICATION)
  expect(refused.success).toBe(false)
  expect(Object.keys(refused)).toEqual(['success'])
  expect(refused.error.issues.map(({ path }) => path.join())).toContain('result')
})
