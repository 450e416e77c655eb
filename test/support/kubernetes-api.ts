import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

export type KubernetesObject = {
  readonly metadata: { readonly name: string; readonly namespace: string; readonly [field: string]: unknown }
  readonly [field: string]: unknown
}
type Kind = 'services' | 'endpointslices'
type Stored = KubernetesObject & { readonly metadata: { readonly resourceVersion: string } }
interface Change {
  readonly version: number
  readonly kind: Kind
  readonly type: string
  readonly object: Stored
}
interface Watcher {
  readonly kind: Kind
  readonly namespace: string | undefined
  readonly labels: string
  readonly response: ServerResponse
}

const PATH =
  /^\/(?:api\/v1|apis\/discovery\.k8s\.io\/v1)\/(?:namespaces\/([^/]+)\/)?(services|endpointslices)$/

/** An API server of Kubernetes that speaks list and watch for Services and EndpointSlices, on a free loopback port. */
export class KubernetesApiServer {
  /** Every request so far, as `list services` or `watch services from 7`. */
  readonly requests: string[] = []
  readonly authorizations = new Set<string | undefined>()
  /** Answers every request with this status while it is set. */
  refuseWith: number | undefined
  /** Answers the next watch with the status 410. */
  isGone = false
  readonly #objects = new Map<string, { kind: Kind; object: Stored }>()
  #changes: Change[] = []
  #version = 100
  /** Versions up to this one cannot be watched from any more. */
  #compacted = 0
  readonly #watchers = new Set<Watcher>()
  #server: Server | undefined
  #port = 0

  static async start(): Promise<KubernetesApiServer> {
    const server = new KubernetesApiServer()
    await server.listen()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** A configuration for clients, with a token. */
  get kubeconfig(): string {
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'test',
      clusters: [{ name: 'test', cluster: { server: this.url, 'insecure-skip-tls-verify': true } }],
      users: [{ name: 'test', user: { token: 'hunter2' } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
    })
  }

  /** Watches that are open. */
  get watching(): number {
    return this.#watchers.size
  }

  /** Begins to answer, on the port that it had before if it had one. */
  async listen(): Promise<void> {
    const server = createServer((request, response) => this.#answer(request, response))
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    this.#port = typeof address === 'object' && address !== null ? address.port : 0
    this.#server = server
  }

  /** Answers nothing any more; connections break. */
  async down(): Promise<void> {
    const server = this.#server
    this.#server = undefined
    this.#watchers.clear()
    if (server === undefined) return
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }

  /** Adds or changes an object; watchers hear of it. */
  put(kind: Kind, object: KubernetesObject): void {
    const key = keyOf(kind, object)
    const type = this.#objects.has(key) ? 'MODIFIED' : 'ADDED'
    this.#change(kind, type, object)
  }

  remove(kind: Kind, namespace: string, name: string): void {
    const stored = this.#objects.get(`${kind} ${namespace}/${name}`)
    if (stored !== undefined) this.#change(kind, 'DELETED', stored.object)
  }

  /** Tells watchers how far they are. */
  bookmark(): void {
    this.#version += 1
    for (const { kind, response } of this.#watchers) {
      const object = { kind, metadata: { resourceVersion: `${this.#version}` } }
      response.write(`${JSON.stringify({ type: 'BOOKMARK', object })}\n`)
    }
  }

  /** Forgets all changes: who has not seen the last one has to list again. */
  compact(): void {
    this.#compacted = this.#version
    this.#changes = []
  }

  /** Writes to every watcher and ends none. */
  write(text: string): void {
    for (const { response } of this.#watchers) response.write(text)
  }

  /** Tells every watcher that its version is too old, in the stream, and ends it. */
  expire(code = 410): void {
    const object = { kind: 'Status', code, reason: 'Expired', message: 'too old resource version' }
    this.write(`${JSON.stringify({ type: 'ERROR', object })}\n`)
    for (const { response } of this.#watchers) response.end()
    this.#watchers.clear()
  }

  /** Breaks every watch, in the middle of a line. */
  breakWatches(): void {
    for (const { response } of this.#watchers) {
      response.write('{"type":"ADDED","obj', () => response.destroy())
    }
    this.#watchers.clear()
  }

  #change(kind: Kind, type: string, object: KubernetesObject): void {
    this.#version += 1
    const metadata = { ...object.metadata, resourceVersion: `${this.#version}` }
    const stored: Stored = { ...object, metadata }
    if (type === 'DELETED') this.#objects.delete(keyOf(kind, object))
    else this.#objects.set(keyOf(kind, object), { kind, object: stored })
    const change = { version: this.#version, kind, type, object: stored }
    this.#changes.push(change)
    for (const watcher of this.#watchers) tell(watcher, change)
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url)
    const [, namespace, kind] = PATH.exec(url.pathname) ?? []
    const isWatch = url.searchParams.get('watch') === 'true'
    const from = url.searchParams.get('resourceVersion')
    this.authorizations.add(request.headers.authorization)
    this.requests.push(isWatch ? `watch ${kind} from ${from}` : `list ${kind}`)
    if (kind !== 'services' && kind !== 'endpointslices') return refuse(response, 404)
    if (this.refuseWith !== undefined) return refuse(response, this.refuseWith)
    const labels = url.searchParams.get('labelSelector') ?? ''
    if (isWatch) this.#watch({ kind, namespace, labels, response }, Number(from))
    else this.#list({ kind, namespace, labels, response }, url.searchParams)
  }

  #list({ kind, namespace, labels, response }: Watcher, query: URLSearchParams): void {
    const all = [...this.#objects.values()]
      .filter((stored) => stored.kind === kind && matches(stored.object, namespace, labels))
      .map(({ object }) => object)
    const start = Number(query.get('continue') ?? '0')
    const end = start + Math.min(2, Number(query.get('limit') ?? '2'))
    const metadata = { resourceVersion: `${this.#version}`, ...(end < all.length && { continue: `${end}` }) }
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ kind: 'List', apiVersion: 'v1', metadata, items: all.slice(start, end) }))
  }

  #watch(watcher: Watcher, from: number): void {
    if (this.isGone || from < this.#compacted) {
      this.isGone = false
      return refuse(watcher.response, 410)
    }
    watcher.response.writeHead(200, { 'content-type': 'application/json' })
    watcher.response.flushHeaders()
    this.#watchers.add(watcher)
    watcher.response.on('close', () => this.#watchers.delete(watcher))
    for (const change of this.#changes) if (change.version > from) tell(watcher, change)
  }
}

function keyOf(kind: Kind, { metadata }: KubernetesObject): string {
  return `${kind} ${metadata.namespace}/${metadata.name}`
}

function tell({ kind, namespace, labels, response }: Watcher, change: Change): void {
  if (change.kind !== kind || !matches(change.object, namespace, labels)) return
  response.write(`${JSON.stringify({ type: change.type, object: change.object })}\n`)
}

/** One label and its value are all that is understood. */
function matches({ metadata }: KubernetesObject, namespace: string | undefined, selector: string): boolean {
  const [label = '', value] = selector.split('=')
  const labels = metadata['labels'] as Record<string, string> | undefined
  return (namespace === undefined || metadata.namespace === namespace) && labels?.[label] === value
}

function refuse(response: ServerResponse, code: number): void {
  response.writeHead(code, { 'content-type': 'application/json', 'x-secret': 'hunter2' })
  response.end(JSON.stringify({ kind: 'Status', status: 'Failure', code, message: 'hunter2' }))
}

const LABELS = { 'tool-gateway/enabled': 'true' }

/** A labelled Service with one port, 80. */
export function service(
  name: string,
  {
    annotations = {},
    namespace = 'team-a',
    created = '2026-01-01T00:00:00Z',
    spec = {},
  }: {
    annotations?: Record<string, string>
    namespace?: string
    created?: string
    spec?: Record<string, unknown>
  } = {},
): KubernetesObject {
  return {
    metadata: {
      name,
      namespace,
      labels: LABELS,
      creationTimestamp: created,
      annotations: Object.fromEntries(
        Object.entries(annotations).map(([key, value]) => [`tool-gateway/${key}`, value]),
      ),
    },
    spec: { type: 'ClusterIP', clusterIP: '10.96.0.1', ipFamilies: ['IPv4'], ports: [{ port: 80 }], ...spec },
  }
}

/** The endpoints of a Service, of one port; an address with `!` is not ready. */
export function slice(
  serviceName: string,
  addresses: readonly string[],
  {
    port = 8080,
    portName = '',
    namespace = 'team-a',
    family = 'IPv4',
    name = `${serviceName}-1`,
  }: { port?: number; portName?: string; namespace?: string; family?: string; name?: string } = {},
): KubernetesObject {
  return {
    metadata: { name, namespace, labels: { ...LABELS, 'kubernetes.io/service-name': serviceName } },
    addressType: family,
    endpoints: addresses.map((address) => ({
      addresses: [address.replace('!', '')],
      conditions: { ready: !address.startsWith('!') },
    })),
    ports: [{ name: portName, port, protocol: 'TCP' }],
  }
}
