import { describe, expect, test } from '@jest/globals'
import type { Caller } from '../../src/calls/call.ts'
import { routeOf } from '../../src/calls/router.ts'
import { offer, server, tool } from '../support/offers.ts'
import { caller, catalogOf, operation } from '../support/routing.ts'

describe('the route of a URI of many servers', () => {
  const read = { action: 'read', kind: 'resource', method: 'resources/read' } as const
  const offered = offer({
    resources: [{ name: 'one', uri: 'x://1' }],
    resourceTemplates: [{ name: 'any', uriTemplate: 'x://{id}' }],
  })
  const app = (uri: string): ReturnType<typeof tool> => tool('app', { _meta: { ui: { resourceUri: uri } } })
  const alpha = server({ name: 'alpha' })
  const beta = server({ name: 'beta' })
  const led = (
    catalog: ReturnType<typeof catalogOf>,
    name: string,
    { by = caller(), scope }: { by?: Caller; scope?: string } = {},
  ): unknown => {
    const routing = routeOf(by, operation({ ...read, name, scope }), catalog)
    return routing.found && routing.decision.effect === 'allow'
      ? [routing.route.server.name, routing.route.name]
      : undefined
  }

  test.each([
    ['beta+x://1', 'x://1'],
    ['beta+x://7', 'x://7'],
    ['beta+x://{id}', 'x://{id}'],
    ['beta+other://unlisted', 'other://unlisted'],
    ['ui://beta+app', 'ui://app'],
    ['beta+ui://app', 'ui://app'],
    ['beta+alpha+x://1', 'alpha+x://1'],
  ])('%s is what beta calls %s, listed or not', (used, own) => {
    const catalog = catalogOf([alpha, offered], [beta, offered])
    expect(led(catalog, used)).toEqual(['beta', own])
    expect(led(catalog, 'x://1')).toEqual(['alpha', 'x://1'])
  })

  test('cannot be taken by a server that lists the URI of another', () => {
    const catalog = catalogOf(
      [alpha, offer({ resources: [{ name: 'trap', uri: 'beta+x://1' }] })],
      [beta, undefined],
    )
    expect(led(catalog, 'beta+x://1')).toEqual(['beta', 'x://1'])
    expect(led(catalog, 'alpha+beta+x://1')).toEqual(['alpha', 'beta+x://1'])
  })

  test('does not lead to a server that the caller may not use, but to one that lists it as it is', () => {
    const closed = server({ name: 'git', requiredRoles: ['admin'] })
    const uri = 'git+https://x'
    const catalog = catalogOf([alpha, offer({ resources: [{ name: 'x', uri }] })], [closed, offer()])
    expect(led(catalog, uri)).toEqual(['alpha', uri])
    expect(led(catalog, uri, { by: caller({ roles: ['admin'] }) })).toEqual(['git', 'https://x'])
    expect(led(catalog, 'git+y://1')).toBeUndefined()
    expect(led(catalog, 'nosuch+x://1')).toBeUndefined()
  })

  test('is the URI as it is where a server is addressed alone', () => {
    const catalog = catalogOf([alpha, offered], [beta, offered])
    expect(led(catalog, 'beta+x://1', { scope: 'beta' })).toEqual(['beta', 'beta+x://1'])
  })

  test('is decided on under the own URI of the server', () => {
    const catalog = catalogOf([beta, offered])
    expect(routeOf(caller(), operation({ ...read, name: 'beta+x://1' }), catalog)).toMatchObject({
      route: { name: 'x://1' },
      decision: { effect: 'allow' },
    })
  })

  test('leads to the server whose tool names it, without being listed', () => {
    const closed = server({ name: 'alpha', tools: { app: { requiredRoles: ['admin'] } } })
    const catalog = catalogOf(
      [closed, offer({ tools: [app('ui://app')] })],
      [beta, offer({ tools: [app('ui://app')] })],
    )
    expect(led(catalog, 'ui://app')).toEqual(['beta', 'ui://app'])
    expect(led(catalog, 'ui://app', { by: caller({ roles: ['admin'] }) })).toEqual(['alpha', 'ui://app'])
    expect(led(catalog, 'ui://other')).toBeUndefined()
  })

  test('every URI of a view leads to the server that it is listed for, under its own URI', () => {
    const parts = offer({
      tools: [app('ui://app'), app('ui://beta+app')],
      resources: ['x://1', 'beta+x://1', 'ui://app', 'gamma+x://1'].map((uri) => ({ name: uri, uri })),
      resourceTemplates: ['x://{id}', 'beta+x://{id}'].map((uriTemplate) => ({
        name: uriTemplate,
        uriTemplate,
      })),
    })
    const catalog = catalogOf([alpha, parts], [beta, parts], [server({ name: 'gamma' }), offered])
    const view = catalog.viewOf(caller().principal)
    const items = [...view.resources, ...view.templates]
    expect(items.length).toBe(14)
    expect(new Set(items.map(({ shownAs }) => shownAs)).size).toBe(14)
    for (const { shownAs, serverName, name } of items)
      expect(led(catalog, shownAs)).toEqual([serverName, name])
  })
})
