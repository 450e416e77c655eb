import { describe, expect, test } from '@jest/globals'
import { TaskHandles, type TaskTarget } from '../../../src/calls/tasks/task-handles.ts'
import { principal } from '../../support/offers.ts'

const KEY = Buffer.alloc(32, 7)
const TARGET: TaskTarget = { server: 'acme/alpha', tool: 'slow', taskId: 'task-1' }
const ann = principal()

const handles = new TaskHandles({ keys: { current: KEY } })
const handle = handles.handleOf(TARGET, ann)

describe('the handle of a task', () => {
  test('leads its caller to the task, with any of its tokens', () => {
    expect(handles.open(handle, ann)).toEqual(TARGET)
    expect(handles.open(handle, principal({ expiresAtMs: 1 }))).toEqual(TARGET)
  })

  test('is the same each time, at every gateway with the key', () => {
    expect(handles.handleOf(TARGET, principal())).toBe(handle)
    expect(new TaskHandles({ keys: { current: KEY } }).handleOf(TARGET, ann)).toBe(handle)
    expect(new TaskHandles({ keys: { current: KEY } }).open(handle, ann)).toEqual(TARGET)
  })

  test.each([
    ['another server', { server: 'acme/beta' }],
    ['another tool', { tool: 'fast' }],
    ['another task', { taskId: 'task-2' }],
  ])('is another one for %s', (_what, fields) => {
    const other = { ...TARGET, ...fields }
    expect(handles.handleOf(other, ann)).not.toBe(handle)
    expect(handles.open(handles.handleOf(other, ann), ann)).toEqual(other)
  })

  test.each([
    ['subject', { subject: 'bob' }],
    ['tenant', { tenantId: 'globex' }],
    ['issuer', { issuer: 'urn:other' }],
    ['agent', { agent: 'bot' }],
    ['role', { roles: ['admin'] }],
    ['scope', { scopes: ['write'] }],
  ])('is nothing to a caller of another %s, who gets another one for the same task', (_what, fields) => {
    const other = principal(fields)
    expect(handles.open(handle, other)).toBeUndefined()
    expect(handles.handleOf(TARGET, other)).not.toBe(handle)
  })

  test('reveals nothing without the key', () => {
    expect(handle).toMatch(/^[\w-]+$/)
    expect(Buffer.from(handle, 'base64url').toString('latin1')).not.toMatch(/acme|alpha|slow|task/)
    expect(new TaskHandles({ keys: { current: Buffer.alloc(32, 8) } }).open(handle, ann)).toBeUndefined()
  })

  test('cannot be altered in any character', () => {
    for (let index = 0; index < handle.length; index += 1) {
      const other = handle[index] === 'A' ? 'B' : 'A'
      const altered = handle.slice(0, index) + other + handle.slice(index + 1)
      expect(handles.open(altered, ann)).toBeUndefined()
    }
  })

  test.each(['', 'task-1', 'AAAA', handle.slice(1), `${handle}A`, `${handle}=`, ` ${handle}`, '\u0000'])(
    'is not %j',
    (text) => {
      expect(handles.open(text, ann)).toBeUndefined()
    },
  )
})
