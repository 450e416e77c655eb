import { describe, expect, test } from '@jest/globals'
import { routeOf } from '../../src/calls/router.ts'
import { offer, server, tool } from '../support/offers.ts'
import { caller, catalogOf, operation } from '../support/routing.ts'

const echo = offer({ tools: [tool('echo')], prompts: [{ name: 'greet' }] })

describe('the route of a name', () => {
  test('is its server, and the name that the server knows', () => {
    const alpha = server()
    const routing = routeOf(caller(), operation(), catalogOf([alpha, echo]))
    expect(routing).toEqual({
      found: true,
      route: { server: alpha, name: 'echo' },
      decision: { effect: 'allow', ruleId: 'allow' },
      needsClient: false,
    })
  })

  test('of a server addressed alone is the name as it is', () => {
    const alpha = server()
    const catalog = catalogOf([alpha, echo])
    expect(routeOf(caller(), operation({ name: 'echo', scope: 'alpha' }), catalog)).toMatchObject({
      found: true,
      route: { server: alpha, name: 'echo' },
    })
    expect(routeOf(caller(), operation({ scope: 'alpha' }), catalog)).toMatchObject({ found: false })
    expect(routeOf(caller(), operation({ name: 'echo', scope: 'beta' }), catalog)).toMatchObject({
      found: false,
    })
  })

  test('that is denied comes with the rule that denies it; the tenant of another is not even looked at', () => {
    const catalog = catalogOf([server({ requiredRoles: ['admin'] }), echo])
    expect(routeOf(caller(), operation(), catalog)).toMatchObject({
      found: true,
      decision: { effect: 'deny', ruleId: 'server-roles' },
    })
    expect(routeOf(caller({ tenantId: 'other' }), operation(), catalog)).toEqual({
      found: false,
      pending: undefined,
    })
  })

  test('names a server that has not answered yet, but only to those who may see it', () => {
    const catalog = catalogOf([server({ requiredRoles: ['reader'] }), undefined])
    const pending = routeOf(caller({ roles: ['reader'] }), operation(), catalog)
    expect(pending).toEqual({
      found: false,
      pending: { name: 'alpha', decision: { effect: 'allow', ruleId: 'allow' } },
    })
    expect(routeOf(caller(), operation(), catalog)).toEqual({ found: false, pending: undefined })
  })
})

describe('the route of a URI', () => {
  const read = { action: 'read', kind: 'resource', name: 'x://1', method: 'resources/read' } as const
  const offered = offer({ resources: [{ name: 'one', uri: 'x://1' }] })

  test('is the first server that lists it and that the caller may use', () => {
    const closed = server({ name: 'alpha', requiredRoles: ['admin'] })
    const open = server({ name: 'beta' })
    const catalog = catalogOf([closed, offered], [open, offered])
    expect(routeOf(caller(), operation(read), catalog)).toMatchObject({
      route: { server: open, name: 'x://1' },
    })
    expect(routeOf(caller({ roles: ['admin'] }), operation(read), catalog)).toMatchObject({
      route: { server: closed },
    })
  })

  test('that a server does not list leads to it only where it is addressed alone', () => {
    const alpha = server()
    const catalog = catalogOf([alpha, offered])
    const other = operation({ ...read, name: 'x://2' })
    expect(routeOf(caller(), other, catalog)).toEqual({ found: false, pending: undefined })
    expect(routeOf(caller(), { ...other, scope: 'alpha' }, catalog)).toMatchObject({
      found: true,
      route: { server: alpha, name: 'x://2' },
    })
    expect(routeOf(caller(), { ...other, scope: 'beta' }, catalog)).toMatchObject({ found: false })
  })
})
