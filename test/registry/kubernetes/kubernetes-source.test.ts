import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { pino } from 'pino'
import type { Settings } from '../../../src/config/settings.ts'
import { systemClock } from '../../../src/domain/clock.ts'
import { openKubernetes } from '../../../src/registry/kubernetes/kubernetes-client.ts'
import { KubernetesSource } from '../../../src/registry/kubernetes/kubernetes-source.ts'
import type { RegistryDocument } from '../../../src/registry/documents/registry-document.ts'
import { eventually } from '../../support/eventually.ts'
import { KubernetesApiServer, service, slice } from '../../support/kubernetes-api.ts'

type KubernetesSettings = NonNullable<Settings['kubernetes']>

const SETTINGS: KubernetesSettings = {
  labelSelector: 'tool-gateway/enabled=true',
  namespaces: [],
  tenantId: 'local',
  addresses: 'pods',
}

let cluster: KubernetesApiServer
let source: KubernetesSource
let documents: readonly RegistryDocument[] | undefined
let log: string

beforeEach(async () => {
  cluster = await KubernetesApiServer.start()
  documents = undefined
  log = ''
})

afterEach(async () => {
  source.close()
  await cluster.down()
})

async function start(settings: Partial<KubernetesSettings> = {}): Promise<void> {
  const all = { ...SETTINGS, ...settings }
  const api = await openKubernetes({
    namespaces: all.namespaces.map(({ namespace }) => namespace),
    labelSelector: all.labelSelector,
    kubeconfig: cluster.kubeconfig,
  })
  source = new KubernetesSource({
    api,
    settings: all,
    clock: systemClock,
    random: () => 0,
    logger: pino({ level: 'debug' }, { write: (line: string) => void (log += line) }),
  })
  source.start((found) => (documents = found))
}

/** What was found, as `name at address, address`. */
const found = (): string[] | undefined =>
  documents?.map(({ value }) => {
    const { name, instances } = value as { name: string; instances?: { url: string }[] }
    return `${name} at ${instances?.map(({ url }) => url.replace('http://', '')).join(', ')}`
  })
const until = (expected: readonly string[]): Promise<unknown> =>
  eventually(() => JSON.stringify(found()) === JSON.stringify(expected), { what: expected.join('; ') })
const watches = (): Promise<unknown> => eventually(() => cluster.watching === 2, { what: 'both watches' })

describe('services', () => {
  test('are found, with the endpoints that are ready as instances, page by page', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) cluster.put('services', service(name))
    cluster.put('endpointslices', slice('a', ['10.0.0.2', '!10.0.0.3', '10.0.0.1']))
    cluster.put('endpointslices', slice('a', ['10.0.0.4'], { name: 'a-2', port: 9090 }))
    await start()
    await until([
      'a at 10.0.0.1:8080/mcp, 10.0.0.2:8080/mcp, 10.0.0.4:9090/mcp',
      ...['b', 'c', 'd', 'e'].map((name) => `${name} at 10.96.0.1:80/mcp`),
    ])
    expect(cluster.requests.filter((request) => request === 'list services')).toHaveLength(3)
    expect([...cluster.authorizations]).toEqual(['Bearer hunter2'])
  })

  test('are followed as they come, change and go, and so are their endpoints', async () => {
    await start()
    await until([])
    await watches()
    cluster.put('services', service('a'))
    await until(['a at 10.96.0.1:80/mcp'])
    cluster.put('endpointslices', slice('a', ['10.0.0.1']))
    await until(['a at 10.0.0.1:8080/mcp'])
    cluster.put('endpointslices', slice('a', ['10.0.0.1', '10.0.0.2']))
    await until(['a at 10.0.0.1:8080/mcp, 10.0.0.2:8080/mcp'])
    cluster.put('services', service('a', { annotations: { name: 'renamed', path: '/tools' } }))
    await until(['renamed at 10.0.0.1:8080/tools, 10.0.0.2:8080/tools'])
    cluster.put('endpointslices', slice('a', ['!10.0.0.1', '10.0.0.2']))
    await until(['renamed at 10.0.0.2:8080/tools'])
    cluster.remove('services', 'team-a', 'a')
    await until([])
    expect(source.isStale).toBe(false)
  })

  test('of the namespaces that are asked for only, each for its tenant', async () => {
    for (const namespace of ['team-a', 'team-b', 'team-c']) {
      cluster.put('services', service(namespace, { namespace }))
    }
    await start({
      namespaces: [
        { namespace: 'team-a', tenantId: 'acme' },
        { namespace: 'team-b', tenantId: '*' },
      ],
    })
    await eventually(() => documents?.length === 2)
    expect(documents).toMatchObject([
      { id: 'kubernetes/team-a/team-a', value: { tenantId: 'acme' } },
      { id: 'kubernetes/team-b/team-b', value: { tenantId: '*' } },
    ])
  })
})

describe('a watch', () => {
  beforeEach(async () => {
    cluster.put('services', service('a'))
    await start()
    await until(['a at 10.96.0.1:80/mcp'])
    await watches()
    cluster.requests.length = 0
  })

  test('that breaks in the middle goes on where it was, and misses nothing', async () => {
    cluster.breakWatches()
    cluster.put('services', service('b'))
    await until(['a at 10.96.0.1:80/mcp', 'b at 10.96.0.1:80/mcp'])
    expect(cluster.requests.filter((request) => request.startsWith('list'))).toEqual([])
    expect(log).not.toContain('does not answer')
  })

  test('goes on from its last bookmark', async () => {
    cluster.bookmark()
    cluster.put('services', service('b'))
    await until(['a at 10.96.0.1:80/mcp', 'b at 10.96.0.1:80/mcp'])
    cluster.bookmark()
    cluster.put('services', service('c'))
    await until(['a at 10.96.0.1:80/mcp', 'b at 10.96.0.1:80/mcp', 'c at 10.96.0.1:80/mcp'])
    cluster.breakWatches()
    await watches()
    // The second one has seen no event but the bookmarks.
    expect(cluster.requests.toSorted()).toEqual(['watch endpointslices from 104', 'watch services from 105'])
  })

  test.each<[string, () => void]>([
    ['the status 410', () => cluster.breakWatches()],
    ['an error of 410 in the stream', () => cluster.expire()],
    ['another error in the stream', () => cluster.expire(500)],
  ])('that ends with %s is begun anew with a list, which has what was missed', async (how, end) => {
    if (how === 'the status 410') cluster.isGone = true
    cluster.compact()
    end()
    cluster.remove('services', 'team-a', 'a')
    cluster.put('services', service('b'))
    cluster.compact()
    await until(['b at 10.96.0.1:80/mcp'])
    await watches()
    cluster.put('services', service('c'))
    await until(['b at 10.96.0.1:80/mcp', 'c at 10.96.0.1:80/mcp'])
    expect(cluster.requests.filter((request) => request === 'list services')).toHaveLength(1)
  })

  test('that says what nobody understands hurts nothing', async () => {
    cluster.write('no JSON\n{"type":"ADDED","object":{"metadata":{"name":"x"}}}\n{"type":"UNHEARD-OF"}\n')
    cluster.put('services', service('b'))
    await until(['a at 10.96.0.1:80/mcp', 'b at 10.96.0.1:80/mcp'])
    expect(log).toContain('an object of the Kubernetes API is not valid')
  })
})

describe('while the API server', () => {
  test('is down, what was found last stays; what changed meanwhile is there when it is back', async () => {
    cluster.put('services', service('a'))
    cluster.put('services', service('b'))
    await start()
    await until(['a at 10.96.0.1:80/mcp', 'b at 10.96.0.1:80/mcp'])
    await watches()
    await cluster.down()
    await eventually(() => source.isStale)
    expect(found()).toHaveLength(2)
    cluster.remove('services', 'team-a', 'a')
    await cluster.listen()
    await until(['b at 10.96.0.1:80/mcp'])
    await eventually(() => !source.isStale)
    expect(log).toContain('the Kubernetes API responds again')
  })

  test('is down from the start, nothing is found and nothing fails; it is found when it is up', async () => {
    cluster.put('services', service('a'))
    await cluster.down()
    await start()
    await eventually(() => source.isStale)
    expect(documents).toBeUndefined()
    expect(log).toContain('ECONNREFUSED')
    await cluster.listen()
    await until(['a at 10.96.0.1:80/mcp'])
  })

  test('refuses, what was found last stays, and no credential and no answer of it gets into the log', async () => {
    cluster.put('services', service('a'))
    await start()
    await until(['a at 10.96.0.1:80/mcp'])
    await watches()
    cluster.refuseWith = 403
    cluster.breakWatches()
    await eventually(() => source.isStale)
    expect(found()).toEqual(['a at 10.96.0.1:80/mcp'])
    expect(log).toContain('HTTP 403')
    expect(log).not.toContain('hunter2')
    cluster.refuseWith = undefined
    await eventually(() => !source.isStale)
  })
})

describe('the configuration of the client', () => {
  test.each([
    [
      'that cannot be read',
      'token: hunter2\n  : {',
      /^the configuration of the Kubernetes client cannot be used \(\w+\)$/,
    ],
    [
      'without TLS',
      '{"current-context":"x","clusters":[{"name":"x","cluster":{"server":"http://x"}}],"users":[{"name":"x","user":{}}],"contexts":[{"name":"x","context":{"cluster":"x","user":"x"}}]}',
      /^the Kubernetes cluster is not reached over TLS/,
    ],
    ['without a cluster', 'apiVersion: v1\nkind: Config', /^no Kubernetes cluster was found/],
  ])('%s is refused at once, and not shown', async (_case, kubeconfig, message) => {
    await start()
    await expect(openKubernetes({ namespaces: [], labelSelector: 'a=b', kubeconfig })).rejects.toThrow(
      message,
    )
  })
})
