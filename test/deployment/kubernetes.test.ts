import { expect, test } from '@jest/globals'
import { z } from 'zod'
import { documentsOfServices } from '../../src/registry/kubernetes/kubernetes-documents.ts'
import { readService } from '../../src/registry/kubernetes/kubernetes-objects.ts'
import { reportedMetrics } from '../../scripts/metrics-page.ts'
import { pathsOf, yamlOf } from './files.ts'

const APP = 'tool-gateway'
const manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
})
const manifests = pathsOf('infra/kubernetes/*.yaml').flatMap((path) =>
  yamlOf(path).map((document) => manifest.parse(document)),
)

/** The one manifest of a kind. */
function only<T>(kind: string, schema: z.ZodType<T>): T {
  const [found, ...more] = manifests.filter((document) => document.kind === kind)
  expect(more).toEqual([])
  return schema.parse(found)
}

const probe = z.object({ httpGet: z.strictObject({ path: z.string(), port: z.string() }) })
const labels = z.strictObject({ matchLabels: z.strictObject({ app: z.literal(APP) }) })
const { spec: deployment } = only(
  'Deployment',
  z.object({
    spec: z.strictObject({
      selector: labels,
      strategy: z.looseObject({}),
      template: z.object({
        metadata: z.object({ labels: z.object({ app: z.literal(APP) }) }),
        spec: z.object({
          automountServiceAccountToken: z.literal(false),
          terminationGracePeriodSeconds: z.number(),
          securityContext: z.looseObject({ runAsNonRoot: z.boolean(), runAsUser: z.number() }),
          containers: z.tuple([
            z.object({
              ports: z.array(z.object({ name: z.string(), containerPort: z.number() })),
              securityContext: z.looseObject({}),
              startupProbe: probe,
              livenessProbe: probe,
              readinessProbe: probe,
              lifecycle: z.object({ preStop: z.object({ sleep: z.object({ seconds: z.number() }) }) }),
              volumeMounts: z.array(z.object({ name: z.string(), mountPath: z.string() })),
            }),
          ]),
          volumes: z.array(z.object({ name: z.string() })),
        }),
      }),
    }),
  }),
)
const pod = deployment.template.spec
const [container] = pod.containers

test('the manifests are these, all of one name', () => {
  expect(manifests.map(({ kind, metadata }) => `${kind} ${metadata.name}`).toSorted()).toEqual([
    'ConfigMap tool-gateway',
    'Deployment tool-gateway',
    'HorizontalPodAutoscaler tool-gateway',
    'NetworkPolicy tool-gateway',
    'PodDisruptionBudget tool-gateway',
    'Service tool-gateway',
    'ServiceAccount tool-gateway',
  ])
})

test('the container is not root, cannot become it, and writes to volumes only', () => {
  expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10001 })
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  })
  expect(container.volumeMounts.map(({ mountPath }) => mountPath)).toEqual(['/data', '/tmp'])
  expect(pod.volumes.map(({ name }) => name)).toEqual(container.volumeMounts.map(({ name }) => name))
})

test('only readiness asks for more than the process itself', () => {
  expect(container.startupProbe.httpGet.path).toBe('/healthz')
  expect(container.livenessProbe.httpGet.path).toBe('/healthz')
  expect(container.readinessProbe.httpGet.path).toBe('/readyz')
})

test('a pod has the time that draining takes', () => {
  const { data } = only('ConfigMap', z.object({ data: z.object({ DRAIN_TIMEOUT_MS: z.coerce.number() }) }))
  const needed = container.lifecycle.preStop.sleep.seconds + data.DRAIN_TIMEOUT_MS / 1000 + 10
  expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(needed)
})

test('the service, the budget and the network policy select the pods', () => {
  const service = only(
    'Service',
    z.object({
      spec: z.object({ selector: z.unknown(), ports: z.array(z.object({ targetPort: z.string() })) }),
    }),
  )
  expect(service.spec.selector).toEqual({ app: APP })
  expect(container.ports.map(({ name }) => name)).toEqual(['http', 'metrics', 'probes'])
  expect(service.spec.ports.map(({ targetPort }) => targetPort)).toEqual(['http'])
  const budget = only('PodDisruptionBudget', z.object({ spec: z.object({ selector: labels }) }))
  const policy = only('NetworkPolicy', z.object({ spec: z.object({ podSelector: labels }) }))
  expect(budget.spec.selector).toEqual(policy.spec.podSelector)
})

test('the autoscaler goes by load that the gateway reports', async () => {
  const { spec } = only(
    'HorizontalPodAutoscaler',
    z.object({
      spec: z.object({
        scaleTargetRef: z.object({ kind: z.literal('Deployment'), name: z.literal(APP) }),
        minReplicas: z.number().min(2),
        metrics: z.array(z.object({ pods: z.object({ metric: z.object({ name: z.string() }) }) })),
      }),
    }),
  )
  expect(spec.metrics.map(({ pods }) => pods.metric.name)).toEqual([
    'gateway_sessions',
    'gateway_calls_per_second', // made of gateway_calls_total by the adapter
  ])
  const reported = (await reportedMetrics()).map(({ name }) => name)
  expect(reported).toContain('gateway_sessions')
  expect(reported).toContain('gateway_calls_total')
})

test('for discovery the gateway may list and watch, and nothing else', () => {
  const [role, binding] = yamlOf('infra/kubernetes/discovery/rbac.yaml')
  expect(role).toMatchObject({
    kind: 'ClusterRole',
    rules: [
      { apiGroups: [''], resources: ['services'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ],
  })
  expect(binding).toMatchObject({
    kind: 'ClusterRoleBinding',
    roleRef: { kind: 'ClusterRole', name: 'tool-gateway-discovery' },
    subjects: [{ kind: 'ServiceAccount', name: APP }],
  })
  const [patch] = yamlOf('infra/kubernetes/discovery/deployment-patch.yaml')
  expect(patch).toMatchObject({
    spec: { template: { spec: { automountServiceAccountToken: true, containers: [{ name: 'gateway' }] } } },
  })
})

test('the example of a Service is one that becomes a server', () => {
  const service = readService(yamlOf('examples/kubernetes.yaml')[0])
  const rules = { tenantOf: () => 'acme', addresses: 'pods' } as const
  expect(documentsOfServices(service === undefined ? [] : [service], [], rules)).toEqual([
    {
      id: 'kubernetes/team-a/search',
      value: {
        name: 'search',
        tenantId: 'acme',
        requiredRoles: ['reader', 'editor'],
        agentAllowlist: ['planner'],
        transport: 'streamable-http',
        instances: [{ url: 'http://search.team-a.svc:80/mcp' }],
        description: 'Full-text search over the documents of team A',
      },
    },
  ])
})
