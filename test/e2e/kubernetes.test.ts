import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { KubernetesApiServer, service, slice } from '../support/kubernetes-api.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, legacyHttp, modernHttp } from '../support/upstreams/sample-http.ts'

const KUBECONFIG = process.env['KUBECONFIG']

let folder: string
let cluster: KubernetesApiServer
let gateway: TestGateway
let modern: HttpUpstream
let legacy: HttpUpstream

beforeAll(async () => {
  cluster = await KubernetesApiServer.start()
  modern = await modernHttp()
  legacy = await legacyHttp()
  folder = await mkdtemp(join(tmpdir(), 'kubernetes-'))
  const kubeconfig = join(folder, 'kubeconfig')
  await writeFile(kubeconfig, cluster.kubeconfig)
  process.env['KUBECONFIG'] = kubeconfig
  cluster.put('services', service('search'))
  cluster.put('endpointslices', slice('search', ['127.0.0.1'], { port: modern.port }))
  // The API server is away while the gateway starts.
  await cluster.down()
  const own = { transport: 'http', url: legacy.url }
  gateway = await startTestGateway({ own }, { env: { KUBERNETES_DISCOVERY: 'on' } })
})

afterAll(async () => {
  if (KUBECONFIG === undefined) delete process.env['KUBECONFIG']
  else process.env['KUBECONFIG'] = KUBECONFIG
  await gateway.close()
  await Promise.all([cluster.down(), modern.close(), legacy.close()])
  await rm(folder, { recursive: true, force: true })
})

const serversOf = async (roles: string[] = ['reader']): Promise<string> => {
  const { body } = await gateway.rest(await gateway.token({ roles }), 'GET', '/v1/tools?limit=1000')
  return [...new Set((body['tools'] as { server: string }[]).map(({ server }) => server))]
    .toSorted()
    .join(' ')
}
const until = (expected: string, roles?: string[]): Promise<unknown> =>
  eventually(async () => (await serversOf(roles)) === expected, { what: expected })
const quarantined = async (): Promise<unknown> =>
  (await gateway.rest(await gateway.token({ roles: ['operator'] }), 'GET', '/v1/servers')).body['quarantined']

test('without the API server the gateway is ready with the servers of its registry; the others come with it', async () => {
  expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200)
  expect(await serversOf()).toBe('own')
  await cluster.listen()
  await until('own search')
  const called = await gateway.rest(await gateway.token(), 'POST', '/v1/tools/search_echo', {
    arguments: { text: 'hello pod' },
  })
  expect(called.status).toBe(200)
  expect(JSON.stringify(called.body)).toContain('hello pod')
})

test('Services that are added, changed and removed add, change and remove servers', async () => {
  cluster.put('services', service('files', { namespace: 'team-b', annotations: { roles: 'editor' } }))
  const pod = { port: legacy.port, namespace: 'team-b' }
  cluster.put('endpointslices', slice('files', ['127.0.0.1'], pod))
  await until('files own search', ['editor'])
  expect(await serversOf()).toBe('own search')
  cluster.put('services', service('files', { namespace: 'team-b', annotations: { name: 'documents' } }))
  await until('documents own search')
  cluster.remove('services', 'team-b', 'files')
  await until('own search')
})

test('an endpoint that moves is followed, after a broken watch and a version that is too old', async () => {
  const moved = await modernHttp()
  cluster.compact()
  cluster.breakWatches()
  cluster.put('endpointslices', slice('search', ['127.0.0.1'], { port: moved.port }))
  await modern.close()
  await eventually(
    async () => {
      const token = await gateway.token()
      const answer = await gateway.rest(token, 'POST', '/v1/tools/search_echo', { arguments: { text: 'x' } })
      return answer.status === 200 && moved.seen.length > 0
    },
    { what: 'a call at the new address' },
  )
  modern = moved
  expect(await until('own search')).toBe(true)
})

test('an annotation that is wrong, and a name that the registry has, are reported and hurt nothing else', async () => {
  cluster.put('services', service('wrong', { annotations: { role: 'admin' } }))
  cluster.put('services', service('own', { namespace: 'team-b' }))
  await eventually(async () => JSON.stringify(await quarantined()).includes('already taken'))
  expect(await quarantined()).toEqual([
    {
      id: 'kubernetes/team-a/wrong',
      name: 'wrong',
      tenantId: 'local',
      reason: 'annotation tool-gateway/role: unknown annotation',
      lastGoodServes: false,
    },
    {
      id: 'discovered local/own',
      name: 'own',
      tenantId: 'local',
      reason: 'name: own is already taken by the registry',
      lastGoodServes: false,
    },
  ])
  expect(await serversOf()).toBe('own search')
})
