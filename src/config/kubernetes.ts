import type { z } from 'zod'
import { optional, setting } from './setting.ts'
import { namespaceTenants, oneOf, tenantOrAll, words } from './values.ts'

/** Which Services of a Kubernetes cluster become servers. */
export interface KubernetesSettings {
  readonly labelSelector: string
  /** Namespaces to look into, each with the tenant that its servers belong to; empty: all of them. */
  readonly namespaces: readonly { readonly namespace: string; readonly tenantId: string }[]
  /** Tenant, or `*`, of the servers of all other namespaces. */
  readonly tenantId: string
  /** What the gateway connects to: each ready pod, or the address of the Service. */
  readonly addresses: 'pods' | 'service'
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

type KubernetesValues = z.output<z.ZodObject<typeof kubernetes>>

/** Undefined unless servers are to be discovered. */
export function kubernetesSettingsOf(
  values: KubernetesValues & { readonly DEFAULT_TENANT: string },
): KubernetesSettings | undefined {
  if (values.KUBERNETES_DISCOVERY === 'off') return undefined
  const tenantId = values.KUBERNETES_TENANT ?? values.DEFAULT_TENANT
  return {
    labelSelector: values.KUBERNETES_LABEL_SELECTOR,
    namespaces: values.KUBERNETES_NAMESPACES.map((entry) => ({ tenantId, ...entry })),
    tenantId,
    addresses: values.KUBERNETES_ADDRESSES,
  }
}
