import { describe, expect, test } from '@jest/globals'
import { TaskMemory } from '../../../src/calls/tasks/task-memory.ts'
import { principal } from '../../support/offers.ts'

const ann = principal()
const bob = principal({ subject: 'bob' })
const task = (taskId: string, server = 'acme/alpha'): { server: string; tool: string; taskId: string } => ({
  server,
  tool: 'slow',
  taskId,
})

describe('the memory of tasks', () => {
  test('knows a task for its caller and server alone', () => {
    const memory = new TaskMemory()
    memory.note(task('t1'), ann)
    expect(memory.find('acme/alpha', 't1', ann)).toEqual(task('t1'))
    expect(memory.hasAny('acme/alpha', ann)).toBe(true)
    expect(memory.find('acme/alpha', 't1', bob)).toBeUndefined()
    expect(memory.find('acme/beta', 't1', ann)).toBeUndefined()
    expect(memory.find('acme/alpha', 't2', ann)).toBeUndefined()
    expect([memory.hasAny('acme/beta', ann), memory.hasAny('acme/alpha', bob)]).toEqual([false, false])
    expect(memory.hasAny('acme/alph', ann)).toBe(false)
  })

  test('keeps the 200 tasks that a caller used last', () => {
    const memory = new TaskMemory()
    for (let index = 0; index < 200; index += 1) memory.note(task(`t${index}`), ann)
    memory.note(task('t0'), ann)
    memory.note(task('new'), ann)
    expect(memory.find('acme/alpha', 't1', ann)).toBeUndefined()
    for (const taskId of ['t0', 't2', 't199', 'new'])
      expect(memory.find('acme/alpha', taskId, ann)).toEqual(task(taskId))
  })

  test('keeps the 1000 callers that used a task last', () => {
    const memory = new TaskMemory()
    const caller = (index: number): typeof ann => principal({ subject: `s${index}` })
    for (let index = 0; index < 1000; index += 1) memory.note(task('t'), caller(index))
    memory.note(task('t'), caller(0))
    memory.note(task('t'), caller(1000))
    expect(memory.find('acme/alpha', 't', caller(1))).toBeUndefined()
    for (const index of [0, 2, 999, 1000])
      expect(memory.find('acme/alpha', 't', caller(index))).toEqual(task('t'))
  })

  test('keeps no id of more than 1024 characters', () => {
    const memory = new TaskMemory()
    memory.note(task('x'.repeat(1024)), ann)
    memory.note(task('y'.repeat(1025)), ann)
    expect(memory.find('acme/alpha', 'x'.repeat(1024), ann)).toBeDefined()
    expect(memory.find('acme/alpha', 'y'.repeat(1025), ann)).toBeUndefined()
  })
})
