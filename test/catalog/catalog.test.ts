import { describe, expect, test } from '@jest/globals'
import { Catalog } from '../../src/catalog/catalog.ts'
import { offer, principal, server, snapshotOf, tool } from '../support/offers.ts'

const alpha = server({ name: 'alpha' })
const beta = server({ name: 'beta', requiredRoles: ['writer'] })

function catalogWith(...servers: ReturnType<typeof server>[]): Catalog {
  const catalog = new Catalog()
  catalog.applySnapshot(snapshotOf(...servers))
  return catalog
}

describe('a view', () => {
  test('holds the tools of every server that the caller may use, sorted by the name shown', () => {
    const catalog = catalogWith(beta, alpha)
    catalog.setOffer('acme/alpha', offer({ tools: [tool('z'), tool('a')] }))
    catalog.setOffer('acme/beta', offer({ tools: [tool('b')] }))
    const names = (roles: string[]): string[] =>
      catalog.viewOf(principal({ roles })).tools.map(({ shownAs }) => shownAs)
    expect(names([])).toEqual(['alpha_a', 'alpha_z'])
    expect(names(['writer'])).toEqual(['alpha_a', 'alpha_z', 'beta_b'])
  })

  test('keeps every field of a definition and changes only its name', () => {
    const catalog = catalogWith(alpha)
    const given = tool('a', {
      title: 'A',
      _meta: { x: { y: 1 } },
      vendor: [1],
      annotations: { readOnlyHint: true, odd: 1 },
    })
    catalog.setOffer('acme/alpha', offer({ tools: [given] }))
    expect(catalog.viewOf(principal()).tools[0]?.listed).toEqual({ ...given, name: 'alpha_a' })
    expect(catalog.viewOf(principal(), 'alpha').tools[0]?.listed).toEqual(given)
  })

  test('shows the title and description that the operator wrote', () => {
    const catalog = catalogWith(server({ tools: { 'a*': { description: 'ours' }, ab: { title: 'AB' } } }))
    catalog.setOffer('acme/alpha', offer({ tools: [tool('ab', { description: 'theirs', title: 'x' })] }))
    expect(catalog.viewOf(principal()).tools[0]?.listed).toMatchObject({ description: 'ours', title: 'AB' })
  })

  test('names the servers that have not answered, and those that are down but still listed', () => {
    const catalog = catalogWith(alpha, server({ name: 'gamma' }))
    catalog.setOffer('acme/alpha', offer({ tools: [tool('a')] }))
    expect(catalog.viewOf(principal())).toMatchObject({ missing: ['gamma'], stale: ['alpha'] })
    catalog.setAvailable('acme/alpha', true)
    expect(catalog.viewOf(principal())).toMatchObject({ missing: ['gamma'], stale: [] })
  })

  test('of one server has its instructions; of all servers it has none', () => {
    const catalog = catalogWith(alpha)
    catalog.setOffer('acme/alpha', offer({ instructions: 'be brief' }))
    expect(catalog.viewOf(principal(), 'alpha').instructions).toBe('be brief')
    expect(catalog.viewOf(principal()).instructions).toBeUndefined()
  })

  test('of a server that the caller may not use is empty', () => {
    const catalog = catalogWith(beta)
    catalog.setOffer('acme/beta', offer({ tools: [tool('b')] }))
    expect(catalog.viewOf(principal(), 'beta')).toMatchObject({ servers: [], tools: [], missing: [] })
  })

  test('is the same object for callers with equal rights until something changes', () => {
    const catalog = catalogWith(alpha)
    catalog.setOffer('acme/alpha', offer({ tools: [tool('a')] }))
    const first = catalog.viewOf(principal({ roles: ['x', 'y'] }))
    expect(catalog.viewOf(principal({ subject: 'bob', roles: ['y', 'x'] }))).toBe(first)
    expect(catalog.viewOf(principal({ roles: ['x'] }))).not.toBe(first)
    catalog.setAvailable('acme/alpha', true)
    expect(catalog.viewOf(principal({ roles: ['x', 'y'] }))).not.toBe(first)
  })

  test('offers a URI that two servers have once, from the first by name', () => {
    const catalog = catalogWith(server({ name: 'zeta' }), alpha)
    const resource = { uri: 'x://1', name: 'one' }
    catalog.setOffer('acme/zeta', offer({ resources: [resource] }))
    catalog.setOffer('acme/alpha', offer({ resources: [resource] }))
    expect(catalog.viewOf(principal()).resources.map(({ serverName }) => serverName)).toEqual(['alpha'])
  })
})

describe('the catalog', () => {
  test('forgets a server that leaves the registry, and ignores what it says afterwards', () => {
    const catalog = catalogWith(alpha)
    catalog.setOffer('acme/alpha', offer({ tools: [tool('a')] }))
    catalog.applySnapshot(snapshotOf())
    catalog.setOffer('acme/alpha', offer({ tools: [tool('a')] }))
    expect(catalog.viewOf(principal()).tools).toEqual([])
    expect(catalog.find('tool', 'acme', undefined, 'alpha_a')).toBeUndefined()
  })

  test('keeps what a server offered when its document changes', () => {
    const catalog = catalogWith(alpha)
    catalog.setOffer('acme/alpha', offer({ tools: [tool('a'), tool('b')] }))
    catalog.applySnapshot(snapshotOf(server({ name: 'alpha', tools: { exclude: ['b'] } })))
    expect(catalog.viewOf(principal()).tools.map(({ shownAs }) => shownAs)).toEqual(['alpha_a'])
  })

  test('finds a tool by the name of its server, for its own tenant only', () => {
    const catalog = catalogWith(alpha, server({ name: 'common', tenantId: '*' }))
    catalog.setOffer('acme/alpha', offer({ tools: [tool('a_b')] }))
    catalog.setOffer('*/common', offer({ tools: [tool('c')] }))
    expect(catalog.find('tool', 'acme', undefined, 'alpha_a_b')).toMatchObject({ name: 'a_b' })
    expect(catalog.find('tool', 'acme', 'alpha', 'a_b')).toMatchObject({ name: 'a_b' })
    expect(catalog.find('tool', 'other', undefined, 'alpha_a_b')).toBeUndefined()
    expect(catalog.find('tool', 'other', undefined, 'common_c')).toMatchObject({ name: 'c' })
    for (const name of ['', '_', 'alpha', 'alpha_', '__proto__', 'constructor', 'alpha_constructor']) {
      expect(catalog.find('tool', 'acme', undefined, name)).toBeUndefined()
    }
  })

  test('finds who may have a resource: listed before templated, by name', () => {
    const catalog = catalogWith(alpha, server({ name: 'beta' }))
    catalog.setOffer('acme/alpha', offer({ resourceTemplates: [{ uriTemplate: 'x://{id}', name: 't' }] }))
    catalog.setOffer('acme/beta', offer({ resources: [{ uri: 'x://1', name: 'r' }] }))
    const owners = (uri: string): string[] =>
      catalog.findResource('acme', undefined, uri).map(({ serverName }) => serverName)
    expect(owners('x://1')).toEqual(['beta', 'alpha'])
    expect(owners('x://2')).toEqual(['alpha'])
    expect(owners('y://2')).toEqual([])
  })

  test('tells which items it cannot offer, and why', () => {
    const catalog = catalogWith(alpha)
    catalog.setOffer('acme/alpha', offer({ tools: [tool('a.b'), tool('a_b')], problems: ['from discovery'] }))
    expect(catalog.catalogOf(alpha)?.problems).toEqual([
      'from discovery',
      'a.b: its name alpha_a_b is already taken by a_b',
    ])
  })
})
