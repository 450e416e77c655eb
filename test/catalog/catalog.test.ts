import { describe, expect, test } from '@jest/globals'
import { Catalog } from '../../src/catalog/catalog.ts'
import { needsClient, offer, principal, server, snapshotOf, tool } from '../support/offers.ts'

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

  test('of one server has its instructions as they are', () => {
    const catalog = catalogWith(alpha)
    catalog.setOffer('acme/alpha', offer({ instructions: 'be brief' }))
    expect(catalog.viewOf(principal(), 'alpha').instructions).toBe('be brief')
  })

  test('of all servers has the instructions of those that the caller may use, each under its name', () => {
    const catalog = catalogWith(alpha, beta, server({ name: 'gamma' }), server({ name: 'delta' }))
    catalog.setOffer('acme/gamma', offer({ instructions: 'be kind' }))
    catalog.setOffer('acme/alpha', offer({ instructions: 'be brief' }))
    catalog.setOffer('acme/beta', offer({ instructions: 'write' }))
    catalog.setOffer('acme/delta', offer())
    expect(catalog.viewOf(principal()).instructions).toBe('## alpha\nbe brief\n\n## gamma\nbe kind')
    expect(catalog.viewOf(principal({ roles: ['writer'] })).instructions).toContain('## beta\nwrite')
  })

  test('lists what needs an interactive caller to those only', () => {
    const catalog = catalogWith(alpha)
    catalog.setOffer(
      'acme/alpha',
      offer({
        tools: [tool('ask'), tool('echo')],
        prompts: [{ name: 'p' }],
        resources: [{ uri: 'x://1', name: 'r' }],
        resourceTemplates: [{ uriTemplate: 'x://{id}', name: 't' }],
        ...needsClient({
          tools: ['ask'],
          prompts: ['p'],
          resources: ['x://1'],
          resourceTemplates: ['x://{id}'],
        }),
      }),
    )
    const names = (isInteractive: boolean, scope?: string): string[] => {
      const { tools, prompts, resources, templates } = catalog.viewOf(principal(), scope, { isInteractive })
      return [tools, prompts, resources, templates].flat().map(({ shownAs }) => shownAs)
    }
    expect(names(true)).toEqual(['alpha_ask', 'alpha_echo', 'alpha_p', 'x://1', 'x://{id}'])
    expect(names(false)).toEqual(['alpha_echo'])
    expect(names(true, 'alpha')).toEqual(['ask', 'echo', 'p', 'x://1', 'x://{id}'])
    expect(names(false, 'alpha')).toEqual(['echo'])
  })

  test('gives for each list the shortest time that a server gives, and none where a server is missing', () => {
    const catalog = catalogWith(alpha, server({ name: 'gamma' }), server({ name: 'delta' }))
    catalog.setOffer('acme/alpha', offer({ ttlMs: { tools: 5000, prompts: 70 } }))
    catalog.setOffer('acme/gamma', offer({ ttlMs: { tools: 3000, resources: 0 } }))
    expect(catalog.viewOf(principal()).ttlMs).toEqual({})
    catalog.setOffer('acme/delta', offer())
    expect(catalog.viewOf(principal()).ttlMs).toEqual({ tools: 3000, prompts: 70, resources: 0 })
    expect(catalog.viewOf(principal(), 'alpha').ttlMs).toEqual({ tools: 5000, prompts: 70 })
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

  test('finds who may have a resource: listed before named by a tool before templated, by name', () => {
    const catalog = catalogWith(alpha, server({ name: 'beta' }), server({ name: 'gamma' }))
    const template = { uriTemplate: 'ui://{id}', name: 't' }
    const app = tool('app', { _meta: { ui: { resourceUri: 'ui://1' } } })
    catalog.setOffer('acme/alpha', offer({ resourceTemplates: [template] }))
    catalog.setOffer('acme/beta', offer({ tools: [app], resourceTemplates: [template] }))
    catalog.setOffer('acme/gamma', offer({ resources: [{ uri: 'ui://1', name: 'r' }] }))
    const owners = (uri: string): string[] => catalog.serversFor(principal(), uri).map(({ name }) => name)
    expect(owners('ui://1')).toEqual(['gamma', 'beta', 'alpha'])
    expect(owners('ui://2')).toEqual(['alpha', 'beta'])
    expect(owners('ui://{id}')).toEqual(['alpha', 'beta'])
    expect(owners('y://2')).toEqual([])
  })

  test('tells which items it cannot offer, and why', () => {
    const catalog = catalogWith(alpha)
    catalog.setOffer('acme/alpha', offer({ tools: [tool('a_b'), tool('a_b')], problems: ['from discovery'] }))
    expect(catalog.catalogOf(alpha)?.problems).toEqual([
      'from discovery',
      'a_b: its name alpha_a_b is already taken by a_b',
    ])
  })

  test('knows the name of a tool for all servers together, also where its own is like that of another', () => {
    const catalog = catalogWith(alpha)
    catalog.setOffer('acme/alpha', offer({ tools: [tool('a.b'), tool('a_b')] }))
    expect(catalog.exposedToolName('acme/alpha', 'a.b')).toBe('alpha_a_b_2e7336dc')
    expect(catalog.exposedToolName('acme/alpha', 'a_b')).toBe('alpha_a_b')
    expect(catalog.exposedToolName('acme/alpha', 'gone.by')).toBe('alpha_gone_by')
    expect(catalog.exposedToolName('acme/other', 'x')).toBe('other_x')
  })

  test('knows the names of 30,000 tools within a second', () => {
    const catalog = catalogWith(alpha)
    const names = Array.from({ length: 30_000 }, (_, n) => `tool_${n}`)
    catalog.setOffer('acme/alpha', offer({ tools: names.map((name) => tool(name)) }))
    const before = process.cpuUsage()
    const shown = names.map((name) => catalog.exposedToolName('acme/alpha', name))
    expect(process.cpuUsage(before).user).toBeLessThan(1_000_000)
    expect(shown.at(-1)).toBe('alpha_tool_29999')
  })
})
