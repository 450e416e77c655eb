import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { abilitiesOf, isAvailable } from '../../src/mcp/abilities.ts'
import { methodTable } from '../../src/calls/methods.ts'
import type { Era } from '../../src/upstream/connection/connection.ts'
import { offer, principal, server } from '../support/offers.ts'
import { catalogOf, methodOf } from '../support/routing.ts'

type Said = readonly [Era, JsonObject]

/** What a client is told where servers said that of themselves. */
function told(era: Era, ...said: Said[]): JsonObject {
  const servers = said.map((_said, index) => server({ name: `s${index}` }))
  return abilities(
    era,
    said,
    catalogOf(...servers.map((each) => [each, offer()] as [typeof each, ReturnType<typeof offer>])),
  ).capabilities
}

function abilities(
  era: Era,
  said: readonly Said[],
  catalog: ReturnType<typeof catalogOf>,
): ReturnType<typeof abilitiesOf> {
  const of = (key: string): Said | undefined => said[Number(/\d+$/.exec(key)?.[0])]
  return abilitiesOf(catalog.viewOf(principal()), era, {
    eraOf: (key) => of(key)?.[0],
    capabilitiesOf: (key) => of(key)?.[1] ?? {},
  })
}

const call = { requests: { tools: { call: {} } } }
const LEGACY: Said = ['legacy', { tasks: { list: {}, cancel: {}, ...call } }]
const MODERN: Said = ['modern', { extensions: { 'io.modelcontextprotocol/tasks': {} } }]
const SKILLS = 'io.modelcontextprotocol/skills'

describe('what a client is told that the gateway can do', () => {
  test('has no tasks and skills where no server has any', () => {
    for (const era of ['legacy', 'modern'] as const) {
      expect(told(era, ['legacy', {}], ['modern', {}])).toEqual({
        tools: { listChanged: true },
        resources: { listChanged: true, subscribe: true },
        prompts: { listChanged: true },
        completions: {},
        logging: {},
      })
    }
  })

  test('has the tasks of its own era', () => {
    expect(told('legacy', LEGACY)).toMatchObject({ tasks: { list: {}, cancel: {}, ...call } })
    expect(told('legacy', MODERN)).not.toHaveProperty('tasks')
    expect(told('modern', MODERN)).toMatchObject({ extensions: { 'io.modelcontextprotocol/tasks': {} } })
    expect(told('modern', LEGACY)).not.toHaveProperty('extensions')
    expect(told('modern', ['modern', LEGACY[1]])).not.toHaveProperty('tasks')
  })

  test('has of tasks what one server has at least', () => {
    expect(told('legacy', ['legacy', { tasks: call }])['tasks']).toEqual(call)
    const [one, other] = [
      { list: {}, ...call },
      { cancel: {}, ...call },
    ]
    expect(told('legacy', ['legacy', { tasks: one }], ['legacy', { tasks: other }])['tasks']).toEqual({
      list: {},
      cancel: {},
      ...call,
    })
    expect(told('legacy', ['legacy', { tasks: { list: {} } }])).not.toHaveProperty('tasks')
  })

  test('has tasks for a session that begins before all servers have answered', () => {
    const catalog = catalogOf([server({ name: 's0' }), undefined])
    expect(abilities('legacy', [], catalog).capabilities).toMatchObject({ tasks: call })
    expect(abilities('modern', [], catalog).capabilities).not.toHaveProperty('extensions')
  })

  test('has the skills of both eras', () => {
    const plain: Said = ['modern', { extensions: { [SKILLS]: {} } }]
    const directories: Said = ['legacy', { extensions: { [SKILLS]: { directoryRead: true } } }]
    for (const era of ['legacy', 'modern'] as const) {
      expect(told(era, plain)['extensions']).toEqual({ [SKILLS]: {} })
      expect(told(era, plain, directories)['extensions']).toEqual({ [SKILLS]: { directoryRead: true } })
    }
  })
})

test('methods of extensions are known to modern clients only where a server has them', () => {
  const catalog = catalogOf([server({ name: 's0' }), offer()])
  const has = (said: Said, method: string): boolean =>
    isAvailable(
      methodOf(method),
      'modern',
      abilities('modern', [said], catalogOf([server({ name: 's0' }), offer()])),
    )
  expect(has(MODERN, 'tasks/update')).toBe(true)
  expect(has(MODERN, 'tasks/result')).toBe(false)
  expect(has(LEGACY, 'tasks/get')).toBe(false)
  expect(has(MODERN, 'skills/list')).toBe(false)
  expect(has(['legacy', { extensions: { [SKILLS]: {} } }], 'skills/list')).toBe(true)
  const legacy = abilities('legacy', [LEGACY], catalog)
  expect(isAvailable(methodOf('tasks/result'), 'legacy', legacy)).toBe(true)
})

test('legacy sessions may always use the methods of their era, regardless of what they were told, and no others', () => {
  const nothing = abilities('legacy', [], catalogOf([server({ name: 's0' }), offer()]))
  const available = [...methodTable().values()].filter((method) => isAvailable(method, 'legacy', nothing))
  expect(available.map(({ name }) => name).toSorted()).toEqual([
    'completion/complete',
    'logging/setLevel',
    'prompts/get',
    'prompts/list',
    'resources/directory/read',
    'resources/list',
    'resources/read',
    'resources/subscribe',
    'resources/templates/list',
    'resources/unsubscribe',
    'skills/get',
    'skills/list',
    'tasks/cancel',
    'tasks/get',
    'tasks/list',
    'tasks/result',
    'tools/call',
    'tools/list',
  ])
})

test('modern clients may use the methods of their era, and an unknown method is available to no client', () => {
  const catalog = catalogOf([server({ name: 's0' }), offer()])
  const nothing = abilities('modern', [], catalog)
  const available = [...methodTable().values()].filter((method) => isAvailable(method, 'modern', nothing))
  expect(available.map(({ name }) => name).toSorted()).toEqual([
    'completion/complete',
    'prompts/get',
    'prompts/list',
    'resources/list',
    'resources/read',
    'resources/templates/list',
    'tools/call',
    'tools/list',
  ])
  expect(isAvailable(undefined, 'modern', nothing)).toBe(false)
  expect(isAvailable(undefined, 'legacy', abilities('legacy', [], catalog))).toBe(false)
})
