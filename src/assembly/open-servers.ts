import { Catalog } from '../catalog/catalog.ts'
import type { ToolsChanged } from '../catalog/pins/change-report.ts'
import { PinStore } from '../catalog/pins/pin-store.ts'
import { ToolPins } from '../catalog/pins/tool-pins.ts'
import type { Settings } from '../config/settings.ts'
import { KnownOffers } from '../credentials/consent/known-offers.ts'
import { type OpenCredentials, openCredentials } from '../credentials/credentials-open.ts'
import type { ResolveSecret } from '../domain/documents/secret-reference.ts'
import type { ServerKey } from '../domain/documents/server-definition.ts'
import type { KeyRing } from '../domain/seal/key-ring.ts'
import type { Assertions } from '../identity/own-issuer/assertions.ts'
import type { Principal } from '../domain/principal.ts'
import type { OpenState } from '../state/state-open.ts'
import type { Snapshot } from '../domain/snapshot.ts'
import { hasAccounts } from '../upstream/isolation-key.ts'
import { openVault } from '../secrets/vault/vault-open.ts'
import type { Vault } from '../secrets/vault/vault.ts'
import { type OpenSecrets, openSecrets } from '../secrets/secrets-open.ts'
import { type OpenUpstreams, openUpstreams } from '../upstream/upstream-open.ts'
import type { Offer } from '../upstream/discovery/discovery.ts'
import type { Outbound } from '../outbound/outbound.ts'
import type { Runtime } from './runtime.ts'

/** The servers while the gateway runs: how they are reached, and what they offer. */
export interface OpenServers extends Omit<OpenUpstreams, 'close'> {
  readonly catalog: Catalog
  readonly pins: ToolPins
  readonly secrets: OpenSecrets
  readonly vault: Vault
  readonly credentials: OpenCredentials
  readonly knownOffers: KnownOffers
}

/**
 * Builds what connects the catalog, the servers and their secrets, without connecting to any server.
 * @param parts.via the gateway's own entry in the header `via`
 * @param parts.onOffered called when a server has said what it offers
 * @param parts.onToolsChanged called when definitions of tools are no longer those that are trusted
 */
export function openServers(
  settings: Settings,
  parts: {
    readonly via: string
    readonly onOffered: (key: ServerKey, offer: Offer) => void
    readonly onToolsChanged: (changed: ToolsChanged) => void
    readonly state: OpenState
    readonly stateKeys: KeyRing
    readonly outbound: Outbound
    /** Signs who calls, for servers that trust the gateway. */
    readonly assertions: Assertions
  },
  runtime: Runtime,
): OpenServers {
  const { via, onOffered, onToolsChanged, state: kept, stateKeys, outbound, assertions } = parts
  const { clock, random, env, logger, metrics, lifecycle, transit, onServerState } = runtime
  const pins = new ToolPins({
    store: new PinStore({ store: kept.store }),
    policy: settings.toolChanges,
    isShared: settings.store === 'firestore',
    onToolChange: (change) => metrics.toolChange(change),
    onToolsChanged,
    clock,
    logger,
  })
  lifecycle.onClose('pins', () => pins.close(), { lane: 'servers' })
  const catalog = new Catalog({
    pins,
    onWanted: (key) => reached.upstreams.wake(key),
    onClient: (key) => reached.upstreams.look(key),
  })
  pins.onPins((key) => catalog.recheck(key))
  const users = {
    reconnect: (key: ServerKey, reason: string) => reached.upstreams.reconnect(key, reason),
    isDown: (key: ServerKey) => reached.upstreams.isDown(key),
  }
  const secrets = openSecrets(settings, { env, users, clock, random, logger })
  lifecycle.onClose('secrets', () => secrets.close(), { lane: 'servers' })
  const vault = openVault(settings, { store: kept.store, clock })
  const resolveSecret: ResolveSecret = (reference) => secrets.resolve(reference)
  const credentials = openCredentials(settings, {
    vault,
    state: kept,
    stateKeys,
    resolveSecret,
    outbound,
    assertions,
    clock,
    logger,
  })
  const knownOffers = new KnownOffers({
    store: kept.store,
    clock,
    logger,
    onOffer: (key, offer) => catalog.setOffer(key, offer),
  })
  lifecycle.onClose('known offers', () => knownOffers.close(), { lane: 'servers' })
  const reached = openUpstreams(settings, {
    via,
    env,
    outbound,
    transit,
    resolveSecret,
    credentialsOf: (server, onBehalfOf) =>
      credentials.credentials.sourceFor(server, onBehalfOf) ??
      credentials.delegation.sourceFor(server, onBehalfOf),
    onOffer: (key, offer) => {
      const server = catalog.snapshot.servers.get(key)
      if (server !== undefined && hasAccounts(server)) return knownOffers.told(key, offer)
      catalog.setOffer(key, offer)
      onOffered(key, offer)
    },
    onState: (key, status) => {
      catalog.setAvailable(key, status.state === 'ready')
      onServerState(status)
    },
    onBreaker: (server, state) => metrics.breaker(server, state),
    onBusy: (server) => metrics.busy(server),
    metrics,
    clock,
    random,
    logger,
  })
  lifecycle.onClose('upstreams', () => reached.close(), { lane: 'servers' })
  credentials.accounts.onChange((key, account) => {
    const isOwn = ({ tenantId, subject }: Principal): boolean =>
      tenantId === key.tenantId && (key.subject === '' || subject === key.subject)
    const reason = account === undefined ? 'its account was disconnected' : 'its account was connected'
    reached.upstreams.accountChanged(key.server, isOwn, reason)
  })
  let snapshot: Snapshot | undefined
  catalog.onChange(() => {
    if (catalog.snapshot === snapshot) return
    snapshot = catalog.snapshot
    knownOffers.setServers([...snapshot.servers.values()].filter(hasAccounts))
  })
  return { ...reached, catalog, pins, secrets, vault, credentials, knownOffers }
}
