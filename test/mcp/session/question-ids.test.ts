import { expect, test } from '@jest/globals'
import { QuestionIds } from '../../../src/mcp/session/question-ids.ts'

const own = new QuestionIds(7)
const last = new QuestionIds(2 ** 31 - 1)

test('the answer to a question gets the id back that it was asked with', () => {
  const asked = own.asSent({ jsonrpc: '2.0', id: 3, method: 'roots/list' })
  expect(own.ownAnswer({ jsonrpc: '2.0', id: (asked as { id: number }).id, result: {} })).toEqual({
    jsonrpc: '2.0',
    id: 3,
    result: {},
  })
})

test('an id that the client sees is a safe integer and names the replica that asked', () => {
  expect(Number.isSafeInteger(last.outward(2 ** 21 - 1))).toBe(true)
  expect([QuestionIds.replicaOf(own.outward(0)), QuestionIds.replicaOf(last.outward(9))]).toEqual([
    7,
    2 ** 31 - 1,
  ])
})

test('the answer to a question goes only to the replica that asked, and other ids name no replica', () => {
  expect(own.ownAnswer({ jsonrpc: '2.0', id: last.outward(3), result: {} })).toBeUndefined()
  for (const id of [0, 5, -1, 1.5, 'x', undefined]) expect(QuestionIds.replicaOf(id)).toBeUndefined()
})

test('a question that is withdrawn is withdrawn by the id that the client knows', () => {
  const cancelled = { jsonrpc: '2.0', method: 'notifications/cancelled', params: { requestId: 3 } } as const
  expect(own.asSent(cancelled)).toEqual({ ...cancelled, params: { requestId: own.outward(3) } })
})
