import { describe, expect, test } from '@jest/globals'
import type { Catalog } from '../../src/catalog/catalog.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import { needsClient, offer, principal, server, tool } from '../support/offers.ts'
import { catalogOf } from '../support/routing.ts'

const alpha = server({ name: 'alpha' })
const beta = server({ name: 'beta' })
const one = { uri: 'x://1', name: 'one', title: 'One', _meta: { uri: 'x://1' } }

function shown(
  catalog: Catalog,
  options?: { isInteractive?: boolean; roles?: string[]; scope?: string },
): object {
  const { isInteractive = false, roles = [], scope } = options ?? {}
  const { resources, templates } = catalog.viewOf(principal({ roles }), scope, { isInteractive })
  return [...resources, ...templates].map(({ shownAs, serverName }) => [shownAs, serverName])
}

describe('a URI that several servers offer', () => {
  const any = { uriTemplate: 'x://{id}', name: 'any' }
  const both = offer({ resources: [one], resourceTemplates: [any] })
  const catalog = catalogOf([beta, both], [alpha, both])

  test('is the resource of the first by name; the others have it under their name', () => {
    expect(shown(catalog)).toEqual([
      ['beta+x://1', 'beta'],
      ['x://1', 'alpha'],
      ['beta+x://{id}', 'beta'],
      ['x://{id}', 'alpha'],
    ])
  })

  test('changes nothing else of a definition', () => {
    const { resources, templates } = catalog.viewOf(principal())
    expect(resources.map(({ listed }) => listed)).toEqual([{ ...one, uri: 'beta+x://1' }, one])
    expect(templates.map(({ listed }) => listed)).toEqual([{ ...any, uriTemplate: 'beta+x://{id}' }, any])
    expect(resources.map(({ name }) => name)).toEqual(['x://1', 'x://1'])
  })

  test('is its own at a server that is addressed alone', () => {
    expect(shown(catalog, { scope: 'beta' })).toEqual([
      ['x://1', 'beta'],
      ['x://{id}', 'beta'],
    ])
  })

  test('is taken by none that the caller does not see', () => {
    const closed = server({ name: 'alpha', requiredRoles: ['admin'] })
    const half = catalogOf([closed, offer({ resources: [one] })], [beta, offer({ resources: [one] })])
    expect(shown(half)).toEqual([['x://1', 'beta']])
    const asking = offer({ resources: [one], ...needsClient({ resources: ['x://1'] }) })
    const interactive = catalogOf([alpha, asking], [beta, offer({ resources: [one] })])
    expect(shown(interactive)).toEqual([['x://1', 'beta']])
    expect(shown(interactive, { isInteractive: true })).toEqual([
      ['beta+x://1', 'beta'],
      ['x://1', 'alpha'],
    ])
  })
})

test("what begins like a URI of a server of the view is that server's, whoever lists it", () => {
  const uris = ['beta+x://1', 'gamma+x://1', 'ui://beta+app']
  const catalog = catalogOf(
    [alpha, offer({ resources: uris.map((uri) => ({ uri, name: uri })) })],
    [beta, undefined],
  )
  expect(shown(catalog)).toEqual([
    ['alpha+beta+x://1', 'alpha'],
    ['gamma+x://1', 'alpha'],
    ['ui://alpha+beta+app', 'alpha'],
  ])
})

describe('a ui:// resource that tools name', () => {
  const app = (name: string, uri: string): ReturnType<typeof tool> =>
    tool(name, { _meta: { ui: { resourceUri: uri, visibility: ['app'] }, x: 1 } })
  const uiOf = (catalog: Catalog, name: string, scope?: string): unknown => {
    const listed: JsonObject | undefined = catalog.viewOf(principal(), scope).toolsByName.get(name)?.listed
    return (listed?.['_meta'] as { ui: { resourceUri: string } } | undefined)?.ui.resourceUri
  }

  test('keeps its name as long as it leads to the server of the tool', () => {
    const catalog = catalogOf(
      [alpha, offer({ tools: [app('a', 'ui://a')] })],
      [beta, offer({ tools: [app('b', 'ui://b'), app('c', 'ui://b')] })],
    )
    expect(['alpha_a', 'beta_b', 'beta_c'].map((name) => uiOf(catalog, name))).toEqual([
      'ui://a',
      'ui://b',
      'ui://b',
    ])
  })

  test('is named by its alias where another server has it first', () => {
    const catalog = catalogOf(
      [alpha, offer({ tools: [app('a', 'ui://app')] })],
      [beta, offer({ tools: [app('b', 'ui://app')] })],
    )
    expect([uiOf(catalog, 'alpha_a'), uiOf(catalog, 'beta_b')]).toEqual(['ui://app', 'ui://beta+app'])
    expect(uiOf(catalog, 'b', 'beta')).toBe('ui://app')
  })

  test('belongs to the server that lists it before any that only names it', () => {
    const listing = offer({
      tools: [app('b', 'ui://app')],
      resources: [{ uri: 'ui://app', name: 'app' }],
    })
    const catalog = catalogOf([alpha, offer({ tools: [app('a', 'ui://app')] })], [beta, listing])
    expect([uiOf(catalog, 'alpha_a'), uiOf(catalog, 'beta_b')]).toEqual(['ui://alpha+app', 'ui://app'])
    expect(shown(catalog)).toEqual([['ui://app', 'beta']])
  })

  test('is not claimed by a tool that the caller may not use', () => {
    const closed = server({ name: 'alpha', tools: { a: { requiredRoles: ['admin'] } } })
    const catalog = catalogOf(
      [closed, offer({ tools: [app('a', 'ui://app')] })],
      [beta, offer({ tools: [app('b', 'ui://app')] })],
    )
    expect(uiOf(catalog, 'beta_b')).toBe('ui://app')
  })
})
