import { describe, expect, test } from '@jest/globals'
import {
  documentsOfServices,
  type DiscoveryRules,
} from '../../../src/registry/kubernetes/kubernetes-documents.ts'
import { readService, readSlice } from '../../../src/registry/kubernetes/kubernetes-objects.ts'
import type { RegistryDocument } from '../../../src/registry/documents/registry-document.ts'
import { type KubernetesObject, service, slice } from '../../support/kubernetes-api.ts'

const RULES: DiscoveryRules = { tenantOf: () => 'acme', addresses: 'pods' }

function documents(
  services: readonly KubernetesObject[],
  slices: readonly KubernetesObject[] = [],
  rules: Partial<DiscoveryRules> = {},
): RegistryDocument[] {
  return documentsOfServices(
    services.flatMap((object) => readService(object) ?? []),
    slices.flatMap((object) => readSlice(object) ?? []),
    { ...RULES, ...rules },
  )
}
const annotated = (annotations: Record<string, string>, tenant = 'acme'): RegistryDocument | undefined =>
  documents([service('search', { annotations })], [], { tenantOf: () => tenant })[0]
const urlsOf = (spec: Record<string, unknown>, slices: KubernetesObject[], rules = {}): unknown => {
  const [document] = documents([service('search', { spec })], slices, rules)
  const value = document?.value as { instances?: { url: string }[] } | undefined
  return value?.instances?.map(({ url }) => url) ?? document?.problems
}

describe('the document of a Service', () => {
  test('without annotations has its name, the tenant of its namespace, and finds out the transport', () => {
    expect(documents([service('search')], [slice('search', ['10.0.0.1'])])).toEqual([
      {
        id: 'kubernetes/team-a/search',
        value: {
          name: 'search',
          tenantId: 'acme',
          transport: 'http',
          instances: [{ url: 'http://10.0.0.1:8080/mcp' }],
        },
      },
    ])
  })

  test('says what its annotations say', () => {
    const annotations = {
      name: 'find',
      tenant: 'acme',
      transport: 'sse',
      path: '/events?v=1',
      port: '80',
      roles: 'reader, editor',
      agents: 'planner',
      description: 'Finds things, anywhere',
      enabled: 'true',
    }
    expect(annotated(annotations)).toEqual({
      id: 'kubernetes/team-a/search',
      value: {
        name: 'find',
        tenantId: 'acme',
        requiredRoles: ['reader', 'editor'],
        agentAllowlist: ['planner'],
        transport: 'sse',
        instances: [{ url: 'http://10.96.0.1:80/events?v=1' }],
        description: 'Finds things, anywhere',
      },
    })
    expect(annotated({ transport: 'sse' })?.value).toMatchObject({
      instances: [{ url: 'http://10.96.0.1:80/sse' }],
    })
  })

  test.each<[Record<string, string>, string]>([
    [{ transport: 'stdio' }, 'annotation tool-gateway/transport: expected streamable-http, sse or http'],
    [{ path: '@evil.example' }, 'annotation tool-gateway/path: expected a path that begins with /'],
    [{ path: '/a#b' }, 'annotation tool-gateway/path: expected a path that begins with /'],
    [{ port: '81' }, 'annotation tool-gateway/port: expected one of the ports of the Service: 80'],
  ])('%j is a problem, and leaves the last good one', (annotations, problem) => {
    expect(annotated(annotations)).toMatchObject({ problems: [problem], isHidden: false })
  })

  test.each<[Record<string, string>, string]>([
    [{ role: 'admin' }, 'annotation tool-gateway/role: unknown annotation'],
    [{ roles: '' }, 'annotation tool-gateway/roles: expected names separated by commas'],
    [{ roles: 'a,,b' }, 'annotation tool-gateway/roles: expected names separated by commas'],
    [{ agents: ' ' }, 'annotation tool-gateway/agents: expected names separated by commas'],
    [
      { tenant: 'globex' },
      'annotation tool-gateway/tenant: the Services of this namespace belong to tenant acme',
    ],
    [{ tenant: '*' }, 'annotation tool-gateway/tenant: the Services of this namespace belong to tenant acme'],
  ])('%j is a problem that hides the server', (annotations, problem) => {
    expect(annotated(annotations)).toMatchObject({
      value: { name: 'search', tenantId: 'acme' },
      problems: [problem],
      isHidden: true,
    })
  })

  test('of a namespace for all tenants may be for one', () => {
    expect(annotated({ tenant: 'globex' }, '*')?.value).toMatchObject({ tenantId: 'globex' })
    expect(annotated({}, '*')?.value).toMatchObject({ tenantId: '*' })
  })

  test('that is only a name for something else is refused', () => {
    const spec = { type: 'ExternalName', externalName: 'evil.example', clusterIP: undefined }
    expect(urlsOf(spec, [])).toEqual(['spec.type: a Service of type ExternalName has no endpoints'])
  })

  test('comes before those of younger Services, which cannot take its name', () => {
    const young = service('a', { created: '2026-02-01T00:00:00Z', annotations: { name: 'search' } })
    const old = service('b', { created: '2026-01-01T00:00:00Z', annotations: { name: 'search' } })
    const same = service('c', { created: '2026-01-01T00:00:00Z' })
    expect(documents([young, same, old]).map(({ id }) => id)).toEqual([
      'kubernetes/team-a/b',
      'kubernetes/team-a/c',
      'kubernetes/team-a/a',
    ])
  })
})

describe('the addresses', () => {
  const several = {
    ports: [
      { name: 'mcp', port: 80 },
      { name: 'admin', port: 81 },
      { port: 53, protocol: 'UDP' },
    ],
  }

  test('are those of ready endpoints in the slices of the Service, each once', () => {
    const slices = [
      slice('search', ['10.0.0.2', '!10.0.0.9', '10.0.0.1']),
      slice('search', ['10.0.0.1'], { name: 'search-2' }),
      slice('search', ['10.0.0.3'], { name: 'other-1', namespace: 'team-b' }),
      slice('other', ['10.0.0.4']),
    ]
    expect(urlsOf({}, slices)).toEqual(['http://10.0.0.1:8080/mcp', 'http://10.0.0.2:8080/mcp'])
  })

  test('are of the port that is meant, by its name', () => {
    const slices = [
      slice('search', ['10.0.0.1'], { portName: 'mcp', port: 8080 }),
      slice('search', ['10.0.0.1'], { portName: 'admin', port: 8081 }),
    ]
    expect(urlsOf(several, slices)).toEqual(['http://10.0.0.1:8080/mcp'])
    expect(
      urlsOf(
        {
          ports: [
            { name: 'a', port: 1 },
            { name: 'b', port: 2 },
          ],
        },
        slices,
      ),
    ).toEqual([
      'annotation tool-gateway/port: needed, because the Service has several ports or none: a (1), b (2)',
    ])
  })

  test('are of the first family of the Service, so that no pod counts twice', () => {
    const slices = [
      slice('search', ['10.0.0.1']),
      slice('search', ['fd00::1'], { family: 'IPv6', name: 'v6' }),
    ]
    expect(urlsOf({}, slices)).toEqual(['http://10.0.0.1:8080/mcp'])
    expect(urlsOf({ ipFamilies: ['IPv6', 'IPv4'] }, slices)).toEqual(['http://[fd00::1]:8080/mcp'])
    expect(urlsOf({ ipFamilies: undefined }, slices.slice(1))).toEqual(['http://[fd00::1]:8080/mcp'])
  })

  test('are that of the Service while no endpoint is ready, or where the settings say so', () => {
    expect(urlsOf({}, [slice('search', ['!10.0.0.1'])])).toEqual(['http://10.96.0.1:80/mcp'])
    expect(urlsOf({ clusterIP: 'None' }, [])).toEqual(['http://search.team-a.svc:80/mcp'])
    const slices = [slice('search', ['10.0.0.1'])]
    expect(urlsOf({}, slices, { addresses: 'service' })).toEqual(['http://10.96.0.1:80/mcp'])
  })

  test('are a hundred at most', () => {
    const addresses = Array.from({ length: 150 }, (_, index) => `10.0.0.${index}`)
    expect(urlsOf({}, [slice('search', addresses)])).toHaveLength(100)
  })
})

test('what is no Service and no EndpointSlice is not read as one', () => {
  expect([readService({}), readService(null), readSlice({ metadata: { name: 'a' } })]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  const bare = { metadata: { name: 'a', namespace: 'b' }, addressType: 'IPv4', endpoints: null, ports: null }
  expect(readSlice(bare)).toMatchObject({ addresses: [], ports: [], serviceName: '' })
})
