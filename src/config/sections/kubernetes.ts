import { z } from 'zod'
import { optional, setting } from '../setting.ts'
import { items, oneOf, tenantOrAll, words } from '../values.ts'

/** `<namespace>` or `<namespace>=<tenant>`. */
const namespaceTenant = z
  .string()
  .transform((text) => text.split('='))
  .refine(([namespace = '', owner, ...rest]) => {
    const isTenant = owner === undefined || tenantOrAll.schema.safeParse(owner).success
    return /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(namespace) && isTenant && rest.length === 0
  })
  .transform(([namespace = '', owner]) => ({ namespace, ...(owner !== undefined && { tenantId: owner }) }))

const namespaceTenants = {
  schema: items
    .pipe(z.array(namespaceTenant))
    .refine((entries) => new Set(entries.map(({ namespace }) => namespace)).size === entries.length),
  expected: '`<namespace>` or `<namespace>=<tenant>`, each namespace once, separated by commas',
}

/** Environment variables of discovery in Kubernetes. */
export const kubernetes = {
  KUBERNETES_DISCOVERY: setting(
    oneOf(['on', 'off']),
    'off',
    'Whether labelled Services of a Kubernetes cluster become servers; the cluster is found as by `kubectl`: KUBECONFIG, `~/.kube/config`, or the service account of the pod.',
  ),
  KUBERNETES_LABEL_SELECTOR: setting(
    words,
    'tool-gateway/enabled=true',
    'Labels of the Services (and of their EndpointSlices) to look for.',
  ),
  KUBERNETES_NAMESPACES: setting(
    namespaceTenants,
    '',
    'Namespaces to watch, all by default; with `=<tenant>` the servers of a namespace belong to that tenant.',
  ),
  KUBERNETES_TENANT: optional(
    tenantOrAll,
    'DEFAULT_TENANT',
    'Tenant of the servers of all other namespaces. With `*` a Service may name one tenant by an annotation.',
  ),
  KUBERNETES_ADDRESSES: setting(
    oneOf(['pods', 'service']),
    'pods',
    'What to connect to: each ready pod as a separate instance, or the cluster IP of the Service.',
  ),
}
