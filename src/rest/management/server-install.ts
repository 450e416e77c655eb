import { type Request, Router } from 'express'
import { z } from 'zod'
import { type Identity, identityOf } from '../../identity/identity.ts'
import { type Clock, sleep } from '../../domain/clock.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { ALL_TENANTS, type Principal } from '../../domain/principal.ts'
import { serverNameOf } from '../../domain/documents/npm-package.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import { documentChange } from '../../registry/document-change.ts'
import type { RegistryStore } from '../../registry/registry-store.ts'
import type { PackageInstaller } from '../../upstream/packages/package-installer.ts'
import type { Upstreams } from '../../upstream/upstreams.ts'
import { logAction, type ManagementOptions, needAdmin } from './managed-server.ts'
import { refuseBeyondQuota, refuseInvalid, refuseTaken } from './new-document.ts'
import { anyObject, bodyOf } from '../query.ts'
import { requireRole } from '../require-role.ts'
import { streamResult, wantsEvents } from '../run.ts'
import { stateOf } from './servers.ts'

const POLL_MS = 100
/** Registry edits that take longer to come back take effect all the same. */
const TAKE_OVER_MS = 5000
/** States in which it is clear whether a server works. */
const SETTLED = new Set(['ready', 'failed', 'backing_off'])

/** What an installation is asked for with. */
export const installBody = z.strictObject({
  package: z.string().max(214),
  version: z.string().max(128).optional(),
  /** By default made of the package's name. */
  name: z.string().max(40).optional(),
  tenantId: z.string().max(63).optional(),
  /** Further fields of the server's document, such as `args` and `env`. */
  document: anyObject.default({}),
})

/** What the route that installs packages needs. */
export interface ServerInstallOptions extends ManagementOptions {
  readonly registryStore: RegistryStore
  readonly upstreams: Upstreams
  readonly installer: PackageInstaller
  readonly clock: Clock
}

type Wanted = {
  package: string
  version: string | undefined
  document: JsonObject
  name: string
  tenantId: string
}

/**
 * `POST /v1/servers/install` for the platform's operators: installs an npm package and writes a server that runs it.
 * With `Accept: text/event-stream` progress comes as events. A caller that goes away cancels it.
 */
export function serverInstallRoutes(options: ServerInstallOptions): Router {
  const router = Router()
  router.post('/servers/install', requireRole('operator'), async (request, response) => {
    const identity = identityOf(response)
    needAdmin(
      identity.principal,
      options.platformAdminRole,
      'Installing what is started on the gateway’s machine',
    )
    const wanted = await wantedBy(options, request, identity.principal)
    const abort = new AbortController()
    response.once('close', () => abort.abort())
    const run = (onProgress: (progress: JsonObject) => void): Promise<JsonObject> =>
      install(options, identity, wanted, { signal: abort.signal, onProgress })
    if (wantsEvents(request)) await streamResult(response, run)
    else response.status(201).json(await run(() => undefined))
  })
  return router
}

/** What is to be installed, once it is sure that it may be and can be used. */
async function wantedBy(
  options: ServerInstallOptions,
  request: Request,
  { tenantId: own }: Principal,
): Promise<Wanted> {
  const { package: packageName, version, tenantId = own, document, ...given } = bodyOf(installBody, request)
  options.installer.check(packageName, version)
  if (tenantId !== own && tenantId !== ALL_TENANTS)
    throw new GatewayError('forbidden', 'A token can only write the servers of its tenant')
  const name = given.name ?? serverNameOf(packageName)
  const wanted = { package: packageName, version, document, name, tenantId }
  refuseInvalid(options, documentOf(wanted, '0.0.0'), [])
  await refuseTaken(options, name)
  await refuseBeyondQuota(options, tenantId)
  if ((await options.registryStore.get(tenantId, name)) !== undefined)
    throw new GatewayError('already_exists', `There is a server ${name}; give another name`)
  return wanted
}

async function install(
  options: ServerInstallOptions,
  identity: Identity,
  wanted: Wanted,
  { signal, onProgress }: { signal: AbortSignal; onProgress: (progress: JsonObject) => void },
): Promise<JsonObject> {
  const { installer, registryStore } = options
  const { name, tenantId } = wanted
  onProgress({ step: 'fetch', fetched: 0 })
  const { version, wasThere } = await installer.install(wanted.package, wanted.version, {
    signal,
    onProgress: (progress) => onProgress({ ...progress }),
  })
  if (signal.aborted) throw new GatewayError('cancelled')
  onProgress({ step: 'register', name, tenantId, version })
  const document = documentOf(wanted, version)
  await options.acts.perform(
    identity,
    () => registryStore.create(document),
    () => ({
      action: 'server.install',
      object: { tenantId, name },
      server: name,
      change: documentChange(undefined, document),
    }),
  )
  logAction(options, identity, 'server installed', wanted, { package: `${wanted.package}@${version}` })
  onProgress({ step: 'start', name })
  await settled(options, wanted, signal)
  return { name, tenantId, package: wanted.package, version, wasThere, ...stateOf(options, wanted, true) }
}

/** Waits until the server has started or has failed to, but not for ever. */
async function settled(
  { upstreams, clock }: ServerInstallOptions,
  key: { tenantId: string; name: string },
  signal: AbortSignal,
): Promise<void> {
  const startedAt = clock.monotonic()
  const end = (): number => startedAt + (upstreams.startTimeoutOf(serverKey(key)) ?? 0) + TAKE_OVER_MS
  while (clock.monotonic() < end() && !signal.aborted) {
    const state = upstreams.status(serverKey(key))?.state
    if (state !== undefined && SETTLED.has(state)) return
    await sleep(clock, POLL_MS, signal)
  }
}

function documentOf({ package: packageName, document, name, tenantId }: Wanted, version: string): JsonObject {
  return { ...document, name, tenantId, transport: 'stdio', package: `${packageName}@${version}` }
}
