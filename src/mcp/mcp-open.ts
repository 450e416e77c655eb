import type { Calls } from '../calls/calls.ts'
import type { PlainTargets } from '../calls/plain/plain-targets.ts'
import { type MethodTable, methodTable } from '../calls/methods.ts'
import type { TaskHandles } from '../calls/tasks/task-handles.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { ViewWatch } from '../catalog/view-watch.ts'
import type { Settings } from '../config/settings.ts'
import { VERSION } from '../config/version.ts'
import type { Clock } from '../domain/clock.ts'
import type { Admit } from '../domain/concurrency/gated-work.ts'
import type { HeldBytes } from '../domain/concurrency/held-bytes.ts'
import type { TokenGrant } from '../domain/principal.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import type { Lifecycle } from '../lifecycle.ts'
import type { ReplicaRelay } from '../replicas/replica-relay.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics/metrics.ts'
import { sessionKey } from '../upstream/isolation-key.ts'
import type { Upstreams } from '../upstream/upstreams.ts'
import { type NoteStore, SessionNotes } from './session/session-notes.ts'
import { SessionSeal } from './session/session-seal.ts'
import { SessionStore } from './session/session-store.ts'
import { KeepAlives } from './transports/event-stream.ts'
import type { EndpointOptions } from './transports/modern-endpoint.ts'
import { SseEndpoint } from './transports/sse-endpoint.ts'
import { StreamableHttpEndpoint } from './transports/streamable-http-endpoint.ts'
import { ListTexts } from './direct/list-texts.ts'
import { WebSocketEndpoint } from './transports/websocket-endpoint.ts'

/** The endpoints of MCP while the gateway runs, and their sessions. */
export interface OpenMcp {
  /** What the gateway calls itself. */
  readonly info: { readonly name: string; readonly version: string }
  readonly methods: MethodTable
  readonly lists: ListTexts
  readonly sessions: SessionStore
  readonly viewWatch: ViewWatch
  readonly streamableHttp: StreamableHttpEndpoint
  readonly sse: SseEndpoint
  readonly webSocket: WebSocketEndpoint
}

type McpSettings = Pick<
  Settings,
  | 'publicUrl'
  | 'directPath'
  | 'maxSessions'
  | 'maxSessionsPerTenant'
  | 'maxSessionsPerPrincipal'
  | 'sessionIdleMs'
  | 'sessionLifetimeMs'
>

interface OpenOptions {
  /** Seal the ids of sessions. */
  readonly keys: KeyRing
  /** Where replicas note what happens to sessions. */
  readonly notes: NoteStore
  /** The number of this replica, which no other one has. */
  readonly replica: number
  readonly relay: ReplicaRelay | undefined
  readonly grantOf: (id: string) => TokenGrant
  readonly catalog: Catalog
  readonly calls: Calls
  readonly targets: PlainTargets
  readonly taskHandles: TaskHandles
  readonly upstreams: Upstreams
  /** How many sessions a tenant may have; undefined: as the settings say. */
  readonly maxSessionsOf: (tenantId: string) => number | undefined
  readonly admit: Admit
  readonly heldBytes: HeldBytes
  readonly metrics: Metrics
  readonly clock: Clock
  readonly logger: Logger
  readonly lifecycle: Lifecycle
}

/** Builds the endpoints of MCP. */
export function openMcp(settings: McpSettings, options: OpenOptions): OpenMcp {
  const { catalog, calls, taskHandles, upstreams, maxSessionsOf, metrics, clock, logger, lifecycle } = options
  const { keys, notes, replica, relay, grantOf, targets, admit, heldBytes } = options
  const viewWatch = new ViewWatch({ catalog, clock })
  lifecycle.onClose('view watch', () => viewWatch.close())
  const sessions = new SessionStore({
    limits: {
      maxSessions: settings.maxSessions,
      maxSessionsOfTenant: (tenantId) => maxSessionsOf(tenantId) ?? settings.maxSessionsPerTenant,
      maxSessionsPerPrincipal: settings.maxSessionsPerPrincipal,
      idleMs: settings.sessionIdleMs,
    },
    clock,
    onEnd: ({ id }) => upstreams.release(sessionKey(id)),
  })
  const info = { name: 'tool-gateway', version: VERSION }
  const methods = methodTable()
  const lists = new ListTexts()
  const endpoint: EndpointOptions = {
    info,
    publicUrl: settings.publicUrl,
    catalog,
    lists,
    calls,
    methods,
    declared: upstreams,
    taskHandles,
    targets: settings.directPath === 'off' ? undefined : targets,
    tellServers: (sessionId, method, params) => upstreams.tell(sessionKey(sessionId), method, params),
    sessions,
    sessionSeal: new SessionSeal({ keys, clock, lifetimeMs: settings.sessionLifetimeMs }),
    sessionNotes: new SessionNotes({
      store: notes,
      clock,
      logger,
      maxSessionsPerPrincipal: settings.maxSessionsPerPrincipal,
    }),
    replica,
    relay,
    grantOf,
    viewWatch,
    keepAlives: new KeepAlives(clock),
    admit,
    heldBytes,
    metrics,
    clock,
    logger,
  }
  const streamableHttp = new StreamableHttpEndpoint(endpoint)
  lifecycle.onClose('sessions', async () => {
    sessions.close()
    await streamableHttp.close()
  })
  const sse = new SseEndpoint(endpoint)
  relay?.serve('sse', (...asked) => void sse.handleRelayed(...asked))
  relay?.serve('streamable-http', (...asked) => void streamableHttp.handleRelayed(...asked))
  relay?.start((news) => streamableHttp.onNews(news))
  return {
    info,
    methods,
    lists,
    sessions,
    viewWatch,
    streamableHttp,
    sse,
    webSocket: new WebSocketEndpoint(endpoint),
  }
}
