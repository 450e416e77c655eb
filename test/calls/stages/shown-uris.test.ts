import { describe, expect, test } from '@jest/globals'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import { shownUris } from '../../../src/calls/stages/shown-uris.ts'
import { offer, server } from '../../support/offers.ts'
import { catalogOf, OneStage, operation, type OperationFields } from '../../support/routing.ts'

const ALPHA = server()
const BETA = server({ name: 'beta' })
const CATALOG = catalogOf(
  [
    ALPHA,
    offer({
      resources: [
        { name: 'n', uri: 'note://1' },
        { name: 'w', uri: 'https://x.example/listed' },
      ],
      resourceTemplates: [{ name: 't', uriTemplate: 'file:///{path}' }],
    }),
  ],
  [
    BETA,
    offer({
      resources: [
        { name: 'n', uri: 'note://1' },
        { name: 'o', uri: 'note://own' },
      ],
      resourceTemplates: [{ name: 't', uriTemplate: 'beta://{path}' }],
    }),
  ],
)

/** What the caller gets of a result of beta, or of alpha. */
function shown(result: JsonObject, fields: OperationFields = {}, from = BETA): Promise<JsonObject> {
  const route = { server: from, name: 'x' }
  return new OneStage(shownUris(CATALOG), CATALOG).run(route, { operation: operation(fields) }, () => result)
}

const linkTo = (uri: string): JsonObject => ({ content: [{ type: 'resource_link', uri, name: 'x' }] })

describe('a link of a server', () => {
  test.each([
    ['note://1', 'beta+note://1'],
    ['note://own', 'note://own'],
    ['note://unlisted', 'beta+note://unlisted'],
    ['file:///a', 'beta+file:///a'],
    ['beta://a', 'beta://a'],
    ['alpha+note://1', 'beta+alpha+note://1'],
    ['beta+note://1', 'beta+beta+note://1'],
    ['gamma+note://1', 'beta+gamma+note://1'],
    ['ui://app', 'ui://beta+app'],
    ['https://x.example/page', 'https://x.example/page'],
    ['https://x.example/listed', 'beta+https://x.example/listed'],
    ['data:text/plain,x', 'data:text/plain,x'],
    ['', ''],
  ])('to %s is shown as %s', async (uri, expected) => {
    expect(await shown(linkTo(uri))).toEqual(linkTo(expected))
  })

  test('to what it is the first to list stays as it is', async () => {
    const result = linkTo('note://1')
    expect(await shown(result, {}, ALPHA)).toBe(result)
  })

  test('stays as it is where the server is addressed alone, and for a step of a pipeline', async () => {
    const result = linkTo('note://1')
    expect(await shown(result, { scope: 'beta' })).toBe(result)
    expect(await shown(result, { isStep: true })).toBe(result)
  })

  test('is shown like that wherever a result may have one, and nothing else is touched', async () => {
    const link = { type: 'resource_link', uri: 'note://1', x: 1 }
    const embedded = { type: 'resource', resource: { uri: 'note://1', text: 'note://1', x: 2 }, x: 3 }
    const others = [
      { type: 'text', text: 'note://1', uri: 'note://1' },
      null,
      'note://1',
      { uri: 'note://1' },
    ]
    const content = [link, embedded, ...others]
    const renamed = [
      { ...link, uri: 'beta+note://1' },
      { ...embedded, resource: { ...embedded.resource, uri: 'beta+note://1' } },
      ...others,
    ]
    expect(await shown({ content, structuredContent: { uri: 'note://1' }, x: 4 })).toEqual({
      content: renamed,
      structuredContent: { uri: 'note://1' },
      x: 4,
    })
    const messages = [
      { role: 'user', content: link },
      { role: 'user', content },
    ]
    expect(await shown({ messages }, { method: 'prompts/get', kind: 'prompt' })).toEqual({
      messages: [
        { role: 'user', content: renamed[0] },
        { role: 'user', content: renamed },
      ],
    })
    expect(await shown({ result: { content } }, { method: 'tasks/get' })).toEqual({
      result: { content: renamed },
    })
  })

  test('costs a result without one nothing', async () => {
    const result = { content: [{ type: 'text', text: 'x' }, 5], messages: 7, contents: null }
    expect(await shown(result)).toBe(result)
  })
})

test('what was read keeps the name that the caller used, and its parts get names that lead to them', async () => {
  const read = { method: 'resources/read', kind: 'resource', name: 'beta+note://1' } as const
  const contents = [
    { uri: 'beta+note://1', text: 'a' },
    { uri: 'note://1/part', text: 'b' },
  ]
  expect(await shown({ contents }, read)).toEqual({
    contents: [
      { uri: 'beta+note://1', text: 'a' },
      { uri: 'beta+note://1/part', text: 'b' },
    ],
  })
})

test('of very many links each leads to the server that gave it', async () => {
  const uris = Array.from({ length: 2000 }, (_, index) => `note://${index}`)
  const result = await shown({ content: uris.map((uri) => ({ type: 'resource_link', uri })) })
  expect(result).toEqual({ content: uris.map((uri) => ({ type: 'resource_link', uri: `beta+${uri}` })) })
})
