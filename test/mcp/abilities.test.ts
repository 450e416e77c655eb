import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { abilitiesOf } from '../../src/mcp/abilities.ts'
import type { Era } from '../../src/upstream/connection/connection.ts'
import { offer, principal, server } from '../support/offers.ts'
import { catalogOf } from '../support/routing.ts'

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
    abilities('modern', [said], catalogOf([server({ name: 's0' }), offer()])).methods.has(method)
  expect(has(MODERN, 'tasks/update')).toBe(true)
  expect(has(MODERN, 'tasks/result')).toBe(false)
  expect(has(LEGACY, 'tasks/get')).toBe(false)
  expect(has(MODERN, 'skills/list')).toBe(false)
  expect(has(['legacy', { extensions: { [SKILLS]: {} } }], 'skills/list')).toBe(true)
  expect(abilities('legacy', [LEGACY], catalog).methods.has('tasks/result')).toBe(true)
})
