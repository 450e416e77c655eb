import type * as Library from '@kubernetes/client-node'
import type { CoreV1Api, DiscoveryV1Api, KubeConfig } from '@kubernetes/client-node'
import {
  ApiStatusError,
  numberIn,
  loggableReason,
  type ResourceApi,
  type ResourcePage,
} from './kubernetes-watch.ts'

/** What discovery needs of an API server, one entry for each namespace, or one for all. */
export interface KubernetesApi {
  readonly scopes: readonly { readonly services: ResourceApi; readonly slices: ResourceApi }[]
}

const PAGE_SIZE = 500
/**
 * The API server ends a watch after this time, and sends a bookmark before: shorter than the 30 s after which the
 * client library gives up on a connection on which nothing comes.
 */
const WATCH_SECONDS = 25

type Client = typeof Library
interface Listing {
  readonly labelSelector: string
  readonly limit: number
  readonly _continue?: string
}
/** Options of one request of the client library. */
type RequestOptions = Parameters<CoreV1Api['listServiceForAllNamespaces']>[1]
type ListOf = (request: Listing, options: RequestOptions) => Promise<unknown>

/**
 * Connects to nothing yet; loads the client library, which takes a second and 90 MB.
 * @param options.kubeconfig the text of a configuration; by default it is found as by `kubectl`
 * @throws Error when there is no configuration, or none that can be used
 */
export async function openKubernetes(options: {
  namespaces: readonly string[]
  labelSelector: string
  kubeconfig?: string
}): Promise<KubernetesApi> {
  const library = await import('@kubernetes/client-node')
  const config = new library.KubeConfig()
  const problem = load(config, options.kubeconfig)
  if (problem !== undefined) {
    throw new Error(`the configuration of the Kubernetes client cannot be used (${problem})`)
  }
  refuseUnusable(config)
  const core = config.makeApiClient(library.CoreV1Api)
  const discovery = config.makeApiClient(library.DiscoveryV1Api)
  const { labelSelector } = options
  const namespaces = options.namespaces.length === 0 ? [undefined] : options.namespaces
  return {
    scopes: namespaces.map((namespace) => ({
      services: resource({
        name: nameOf('services', namespace),
        path: pathOf('/api/v1', 'services', namespace),
        list: servicesOf(core, namespace),
        labelSelector,
        library,
        config,
      }),
      slices: resource({
        name: nameOf('endpointslices', namespace),
        path: pathOf('/apis/discovery.k8s.io/v1', 'endpointslices', namespace),
        list: slicesOf(discovery, namespace),
        labelSelector,
        library,
        config,
      }),
    })),
  }
}

/** Says why it cannot be loaded, and no more: parsers quote what they do not understand, and it is full of secrets. */
function load(config: KubeConfig, text: string | undefined): string | undefined {
  try {
    if (text === undefined) config.loadFromDefault()
    else config.loadFromString(text)
    return undefined
  } catch (error) {
    return loggableReason(error)
  }
}

/**
 * Where there is no configuration at all the library takes a server that hardly ever is one: port 8080 of this machine.
 */
function refuseUnusable(config: KubeConfig): void {
  const cluster = config.getCurrentCluster()
  if (cluster === null || (cluster.name === 'cluster' && cluster.server === 'http://localhost:8080')) {
    throw new Error(
      'no Kubernetes cluster was found: KUBECONFIG, ~/.kube/config and a service account are all missing',
    )
  }
  if (!cluster.server.startsWith('https:') && !cluster.skipTLSVerify) {
    throw new Error(
      'the Kubernetes cluster is not reached over TLS; allow it with insecure-skip-tls-verify, or use https',
    )
  }
}

function servicesOf(api: CoreV1Api, namespace: string | undefined): ListOf {
  return namespace === undefined
    ? (request, options) => api.listServiceForAllNamespaces(request, options)
    : (request, options) => api.listNamespacedService({ namespace, ...request }, options)
}

function slicesOf(api: DiscoveryV1Api, namespace: string | undefined): ListOf {
  return namespace === undefined
    ? (request, options) => api.listEndpointSliceForAllNamespaces(request, options)
    : (request, options) => api.listNamespacedEndpointSlice({ namespace, ...request }, options)
}

function nameOf(kind: string, namespace: string | undefined): string {
  return namespace === undefined ? kind : `${kind} in ${namespace}`
}

function pathOf(group: string, kind: string, namespace: string | undefined): string {
  return namespace === undefined ? `${group}/${kind}` : `${group}/namespaces/${namespace}/${kind}`
}

function resource(options: {
  name: string
  path: string
  list: ListOf
  labelSelector: string
  library: Client
  config: KubeConfig
}): ResourceApi {
  const { name, path, list, labelSelector, library, config } = options
  const watch = new library.Watch(config)
  return {
    name,
    list: async (continuation, signal) => {
      const request = {
        labelSelector,
        limit: PAGE_SIZE,
        ...(continuation !== undefined && { _continue: continuation }),
      }
      try {
        return pageOf(await list(request, endedBy(signal, library)))
      } catch (error) {
        throw withStatus(error)
      }
    },
    watch: (resourceVersion, onEvent, onEnd) => {
      const query = {
        labelSelector,
        resourceVersion,
        allowWatchBookmarks: true,
        timeoutSeconds: WATCH_SECONDS,
      }
      return watch.watch(path, query, onEvent, (error: unknown) => onEnd(withStatus(error)))
    },
  }
}

/** Options with which a request ends when the signal does. */
function endedBy(
  signal: AbortSignal,
  { Observable }: Pick<Client, 'Observable'>,
): NonNullable<RequestOptions> {
  return {
    middleware: [
      {
        pre: (context) => {
          context.setSignal(signal)
          return new Observable(Promise.resolve(context))
        },
        post: (context) => new Observable(Promise.resolve(context)),
      },
    ],
    middlewareMergeStrategy: 'append',
  }
}

function pageOf(answer: unknown): ResourcePage {
  const list = asRecord(answer)
  const metadata = asRecord(list['metadata'])
  return {
    items: Array.isArray(list['items']) ? list['items'] : [],
    resourceVersion: textOf(metadata['resourceVersion']),
    continuation: textOf(metadata['_continue']),
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function asRecord(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

/** Errors of the library with a status have it as `code` after a list and as `statusCode` after a watch. */
function withStatus(error: unknown): unknown {
  const status = numberIn(error, 'statusCode') ?? numberIn(error, 'code')
  return status !== undefined && status >= 100 && status < 600 ? new ApiStatusError(status) : error
}
