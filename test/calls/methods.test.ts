import { describe, expect, test } from '@jest/globals'
import { type Method, METHODS, methodTable } from '../../src/calls/methods.ts'

/** Name, eras, who answers, and what it is about. */
const ROWS = [
  ['tools/list', 'legacy modern', 'view', 'list server at scope'],
  ['tools/call', 'legacy modern', 'server', 'call tool at name'],
  ['prompts/list', 'legacy modern', 'view', 'list server at scope'],
  ['prompts/get', 'legacy modern', 'server', 'get prompt at name'],
  ['resources/list', 'legacy modern', 'view', 'list server at scope'],
  ['resources/templates/list', 'legacy modern', 'view', 'list server at scope'],
  ['resources/read', 'legacy modern', 'server', 'read resource at uri'],
  ['completion/complete', 'legacy modern', 'server', 'complete prompt at ref'],
  ['logging/setLevel', 'legacy', 'session', 'subscribe resource at uri'],
  ['resources/subscribe', 'legacy', 'session', 'subscribe resource at uri'],
  ['resources/unsubscribe', 'legacy', 'session', 'subscribe resource at uri'],
  ['tasks/get', 'legacy modern', 'server', 'call tool at taskId'],
  ['tasks/result', 'legacy', 'server', 'call tool at taskId'],
  ['tasks/list', 'legacy', 'servers', 'list server at scope'],
  ['tasks/update', 'modern', 'server', 'call tool at taskId'],
  ['tasks/cancel', 'legacy modern', 'server', 'call tool at taskId'],
  ['skills/list', 'legacy modern', 'servers', 'list server at scope'],
  ['skills/get', 'legacy modern', 'server', 'read resource at uri'],
  ['resources/directory/read', 'legacy modern', 'server', 'list resource at uri'],
]

const rows = Object.values(METHODS)
/** The names of the methods for which a field has each of its values. */
function namesBy<T>(valueOf: (row: Method) => T): [T, string[]][] {
  const groups = Map.groupBy(rows, valueOf)
  return [...groups]
    .filter(([value]) => value !== undefined)
    .map(([value, those]) => [value, those.map(({ name }) => name)])
}

test('the gateway forwards these methods', () => {
  expect(
    rows.map(({ name, eras, answeredBy, action, kind, targetAt }) => [
      name,
      eras.join(' '),
      answeredBy,
      `${action} ${kind} at ${targetAt}`,
    ]),
  ).toEqual(ROWS)
})

describe('of the methods', () => {
  test('these only read, so that they may be sent again after they may have run', () => {
    expect(namesBy(({ isRead }) => isRead)).toEqual([
      [
        true,
        [
          'prompts/get',
          'resources/read',
          'completion/complete',
          'tasks/get',
          'tasks/result',
          'tasks/list',
          'skills/list',
          'skills/get',
          'resources/directory/read',
        ],
      ],
    ])
  })

  test('one runs a tool', () => {
    expect(namesBy(({ runsTool }) => runsTool)).toEqual([[true, ['tools/call']]])
  })

  test('two have arguments, which must be an object', () => {
    expect(namesBy(({ hasArguments }) => hasArguments)).toEqual([[true, ['tools/call', 'prompts/get']]])
  })

  test('these belong to an extension', () => {
    expect(namesBy(({ extension }) => extension)).toEqual([
      ['tasks', ['tasks/get', 'tasks/result', 'tasks/list', 'tasks/update', 'tasks/cancel']],
      ['skills', ['skills/list', 'skills/get', 'resources/directory/read']],
    ])
  })

  test('these list a part of the view', () => {
    expect(namesBy(({ list }) => list)).toEqual([
      ['tools', ['tools/list']],
      ['prompts', ['prompts/list']],
      ['resources', ['resources/list']],
      ['resourceTemplates', ['resources/templates/list']],
    ])
  })

  test('these collect what servers answer', () => {
    expect(rows.flatMap(({ name, collects }) => (collects === undefined ? [] : [[name, collects]]))).toEqual([
      ['tasks/list', { member: 'tasks', isAlways: true }],
      ['skills/list', { member: 'skills', isAlways: false }],
    ])
  })

  test('the results of these have URIs of the caller, name resources, or say how long they are fresh', () => {
    expect(namesBy(({ rewrites }) => rewrites)).toEqual([
      ['contents', ['resources/read']],
      ['skill', ['skills/get', 'resources/directory/read']],
    ])
    expect(namesBy(({ namesResources }) => namesResources)).toEqual([
      [true, ['tools/call', 'prompts/get', 'resources/read', 'tasks/get', 'tasks/result']],
    ])
    expect(namesBy(({ freshness }) => freshness)).toEqual([
      ['asGiven', ['resources/read']],
      ['always', ['skills/list', 'skills/get', 'resources/directory/read']],
    ])
  })
})

describe('the table', () => {
  test('has each row under its name, and nothing else', () => {
    const table = methodTable()
    for (const row of rows) expect(table.get(row.name)).toBe(row)
    expect(table.size).toBe(19)
    for (const name of ['no/such', '', '__proto__', 'constructor', 'initialize', 'ping'])
      expect(table.get(name)).toBeUndefined()
  })

  test('has one more row for one more method', () => {
    const row: Method = { ...METHODS.resourcesRead, name: 'notes/peek' }
    const table = methodTable([...rows, row])
    expect([table.get('notes/peek'), table.size]).toEqual([row, 20])
  })
})
