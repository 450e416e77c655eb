import { Catalog } from '../catalog/catalog.ts'
import type { Settings } from '../config/settings.ts'
import type { ServerKey } from '../domain/documents/server-definition.ts'
import { type OpenSecrets, openSecrets } from '../secrets/secrets-open.ts'
import { type OpenUpstreams, openUpstreams } from '../upstream/upstream-open.ts'
import type { Offer } from '../upstream/discovery/discovery.ts'
import type { Runtime } from './runtime.ts'

/** The servers while the gateway runs: how they are reached, and what they offer. */
export interface OpenServers extends Omit<OpenUpstreams, 'close'> {
  readonly catalog: Catalog
  readonly secrets: OpenSecrets
}

/**
 * Builds what connects the catalog, the servers and their secrets, without connecting to any server.
 * @param given.via the gateway's own entry in the header `via`
 * @param given.onOffered called when a server has said what it offers
 */
export function openServers(
  settings: Settings,
  { via, onOffered }: { via: string; onOffered: (key: ServerKey, offer: Offer) => void },
  runtime: Runtime,
): OpenServers {
  const { clock, random, env, logger, metrics, lifecycle, onServerState } = runtime
  const catalog = new Catalog({
    onWanted: (key) => reached.upstreams.wake(key),
    onClient: (key) => reached.upstreams.look(key),
  })
  const users = {
    reconnect: (key: ServerKey, reason: string) => reached.upstreams.reconnect(key, reason),
    isDown: (key: ServerKey) => reached.upstreams.isDown(key),
  }
  const secrets = openSecrets(settings, { env, users, clock, random, logger })
  lifecycle.onClose('secrets', () => secrets.close(), { lane: 'servers' })
  const reached = openUpstreams(settings, {
    via,
    resolveSecret: (reference) => secrets.resolve(reference),
    onOffer: (key, offer) => {
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
  return { ...reached, catalog, secrets }
}
