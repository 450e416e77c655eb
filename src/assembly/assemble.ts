import { randomInt } from 'node:crypto'
import type { RequestListener } from 'node:http'
import { type OpenAudit, openAudit } from '../audit/audit-open.ts'
import type { Calls } from '../calls/calls.ts'
import type { ToolsChanged } from '../catalog/pins/change-report.ts'
import type { Settings } from '../config/settings.ts'
import { stateKeys } from '../config/private-key.ts'
import type { ServerKey } from '../domain/documents/server-definition.ts'
import { admitAtOnce } from '../domain/concurrency/gated-work.ts'
import { HeldBytes } from '../domain/concurrency/held-bytes.ts'
import { viaOf } from '../domain/via.ts'
import { openFeatures, type OpenFeatures } from '../features/features-open.ts'
import { openDatabase } from '../firestore/firestore-open.ts'
import { memoryLimit } from '../http/overload/loop-load.ts'
import { openIdentity, type OpenIdentity } from '../identity/identity-open.ts'
import { type OpenMcp, openMcp } from '../mcp/mcp-open.ts'
import { type OpenOAuth, openOAuth } from '../oauth/oauth-open.ts'
import { type OpenState, openState } from '../state/state-open.ts'
import { CallHistory } from '../telemetry/metrics/call-history.ts'
import type { Offer } from '../upstream/discovery/discovery.ts'
import { observe } from './gauges.ts'
import { openApp } from './open-app.ts'
import { openCalls, type OpenCalls } from './open-calls.ts'
import { openControl, type OpenControl } from './open-control.ts'
import { Outbound } from '../outbound/outbound.ts'
import { isDisabledTenant } from '../registry/tenants.ts'
import { openRelay, openSharedOffers } from './open-replicas.ts'
import { openServers, type OpenServers } from './open-servers.ts'
import type { Runtime } from './runtime.ts'

/** Bodies of large requests are at most one in so many parts of the memory: their values take several times as much. */
const HELD_PART = 8
/** Numbers of replicas are drawn: two of a thousand have the same one once in some four thousand starts of all. */
const MAX_REPLICA = 2 ** 31

/** Every part of a gateway but its sockets. */
export interface Assembly extends OpenControl, OpenCalls {
  /** Answers every request. */
  readonly app: RequestListener
  readonly state: OpenState
  readonly audit: OpenAudit
  readonly identity: OpenIdentity
  readonly servers: OpenServers
  readonly features: OpenFeatures
  readonly mcp: OpenMcp
  readonly oauth: OpenOAuth
}

/**
 * Builds every part of a gateway in the order of their ranks, and registers how each one closes. The registry is not
 * read before `control` starts.
 * @throws Error when the data directory cannot be used
 */
export async function assemble(settings: Settings, runtime: Runtime): Promise<Assembly> {
  const { clock, random, logger, metrics, lifecycle } = runtime
  const firestore = await openDatabase(settings, lifecycle)
  const state = await openState(settings, { firestore, clock, random, lifecycle })
  const onLate = (answers: number): void => metrics.lateRecords(answers)
  const audit = await openAudit(settings, {
    firestore,
    onLate,
    env: runtime.env,
    clock,
    random,
    logger,
    lifecycle,
  })
  const keys = await stateKeys(settings)
  const stateKey = keys.current
  const kept = { store: state.store, stateKeys: keys }
  const outbound = new Outbound({ policy: settings.outbound })
  lifecycle.onClose('outgoing requests', () => outbound.close(), { lane: 'servers' })
  const identity = await openIdentity(settings, { ...kept, outbound, clock, logger, lifecycle })
  const via = viaOf(stateKey)
  const onOffered = (key: ServerKey, offer: Offer): void => sharedOffers?.offered(key, offer)
  const { assertions } = identity
  const onToolsChanged = (changed: ToolsChanged): void => features.approvals.toolsChanged(changed)
  const given = { via, onOffered, onToolsChanged, state, stateKeys: keys, outbound, assertions }
  const servers = openServers(settings, given, runtime)
  const sharedOffers = await openSharedOffers(firestore, servers, runtime)
  const { catalog, upstreams } = servers
  const replica = randomInt(1, MAX_REPLICA)
  const relay = await openRelay({ firestore, replica, keys }, runtime)
  const features = openFeatures(settings, {
    catalog,
    calls: (): Calls => called.calls,
    approvals: { store: state.store, keys, acts: audit.acts, outbound },
    shared: relay && { relay, state: state.store, keys },
    metrics,
    clock,
    random,
    logger,
  })
  lifecycle.onClose('approvals', () => features.approvals.close(), { lane: 'servers' })
  lifecycle.onClose('enhancer', () => features.enhancing.close(), { lane: 'servers' })
  const controlled = await openControl(
    settings,
    { firestore, identity, servers, features, audit, state },
    runtime,
  )
  const { tenants } = controlled
  const history = settings.dashboard ? new CallHistory({ clock }) : undefined
  const isReplicated = firestore !== undefined
  const parts = { keys, store: state.store, isReplicated, audit, servers, features, tenants, history }
  const called: OpenCalls = openCalls(settings, parts, runtime)
  const { calls, targets, taskHandles } = called
  const maxSessionsOf = (tenantId: string): number | undefined => tenants.quotasOf(tenantId)?.sessions
  relay?.serve('runs', (asked, writer) => features.runDirectory.answer(asked, writer))
  const heldBytes = new HeldBytes(Math.min(settings.maxBodyBytesInProgress, memoryLimit() / HELD_PART), {
    onRefused: () => metrics.overload(),
  })
  const mcp = openMcp(settings, {
    keys,
    notes: state.store,
    replica,
    relay,
    grantOf: (id) => identity.revokedGrants.grant(id),
    catalog,
    calls,
    targets,
    taskHandles,
    upstreams,
    maxSessionsOf,
    admit: runtime.admit ?? admitAtOnce,
    heldBytes,
    metrics,
    clock,
    logger,
    lifecycle,
  })
  tenants.onChange((all) => {
    for (const { id, principal } of mcp.sessions.list())
      if (isDisabledTenant(all, principal.tenantId)) mcp.sessions.end(id)
  })
  const oauth = openOAuth(settings, {
    ...runtime,
    ...kept,
    documents: runtime.documents ?? outbound.internetOnly,
    identity,
    catalog,
    acts: audit.acts,
    needsOperator: (tenantId) => tenants.needsOperatorForClients(tenantId),
    resolveSecret: (reference) => servers.secrets.resolve(reference),
  })
  const opened = {
    via,
    heldBytes,
    outbound,
    keys,
    state,
    audit,
    identity,
    servers,
    features,
    controlled,
    called,
    mcp,
    oauth,
    history,
  }
  const app = openApp(settings, opened, runtime)
  observe(metrics, { ...controlled, audit, servers, features, mcp })
  return { ...controlled, ...called, app, state, audit, identity, servers, features, mcp, oauth }
}
