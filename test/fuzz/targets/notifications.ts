import { isJsonObject } from '../../../src/domain/json/json.ts'
import { importanceOf } from '../../../src/upstream/messages/notification-scan.ts'
import { broken, type Target } from '../target.ts'

/** The look at a message of a flood before anything is made of it. */
export const notifications: Target = {
  name: 'notifications',
  guarantee: 'nothing but a notification is taken for one',
  code: ['upstream/messages/notification-scan.ts'],
  seeds: [
    '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"d"}}',
    '{"params":{"id":1,"result":[{}]},"method":"notifications/progress"}',
    '{"method":"notifications/tools/list_changed"}',
    '{"jsonrpc":"2.0","id":1,"result":{"method":"notifications/message"}}',
    '{"method":"notifications/message","\\u0069d":7}',
  ],
  words: [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\"',
    '\\\\"',
    '"id":1',
    '"result":{}',
    '"error":',
    '"method":"notifications/message"',
    '"\\u0069d":',
    '"method":',
  ],
  check(input) {
    if (importanceOf(input, 0, input.length) === 'other') return
    let message: unknown
    try {
      message = JSON.parse(input.toString())
    } catch {
      return
    }
    if (!isJsonObject(message)) broken('something else than an object was taken for a notification')
    if ('id' in message || 'result' in message || 'error' in message)
      broken('an answer or a request was taken for a notification')
    if (!String(message['method']).startsWith('notifications/')) broken('its method is another one')
  },
}
