import { type Request, type Response, Router } from 'express'
import type { AdministrativeAct } from '../../audit/administration.ts'
import type { Act } from '../../audit/usage-record.ts'
import { identityOf } from '../../identity/identity.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import { canonicalJson, isJsonObject, type JsonObject } from '../../domain/json/json.ts'
import { publicPath } from '../../domain/public-path.ts'
import { ALL_TENANTS, type Principal } from '../../domain/principal.ts'
import { serverKey } from '../../domain/documents/server-definition.ts'
import { documentChange } from '../../registry/document-change.ts'
import { FIXED_ARGUMENTS, masked, unmasked } from '../../registry/mask.ts'
import type { RegistryStore, StoredDocument } from '../../registry/registry-store.ts'
import type { Upstreams } from '../../upstream/upstreams.ts'
import {
  addressedBy,
  firstStored,
  logAction,
  type ManagementOptions,
  matchOf,
  mayManage,
  needAdmin,
  unknownServer,
} from './managed-server.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { refuseBeyondQuota, refuseInvalid, refuseTaken } from './new-document.ts'
import { anyObject, bodyOf } from '../query.ts'
import { requireRole } from '../require-role.ts'
import { stateOf } from './servers.ts'

/** What the routes that write servers need. */
export interface ServerWriteOptions extends ManagementOptions {
  readonly publicUrl: string
  readonly registryStore: RegistryStore
  readonly upstreams: Upstreams
}

/** What decides which program runs, and how. */
const LAUNCH_FIELDS = ['transport', 'command', 'package', 'args', 'cwd', 'env', 'limits', 'sandbox']

/**
 * `POST /v1/servers` and `GET`, `PUT` and `DELETE /v1/servers/{name}`: the documents of the caller's tenant, and those
 * for all tenants, as they are stored; a server that was discovered can be read only, and has no `ETag`. Answers hold
 * no secrets; a masked value that comes back keeps the stored one.
 */
export function serverWriteRoutes(options: ServerWriteOptions): Router {
  const router = Router()
  const writes = new ServerWrites(options)
  const operator = requireRole('operator')
  router.post('/servers', operator, (request, response) => writes.create(request, response))
  router.get('/servers/:name', operator, (request, response) => writes.show(request, response))
  router.put('/servers/:name', operator, (request, response) => writes.replace(request, response))
  router.delete('/servers/:name', operator, (request, response) => writes.remove(request, response))
  router.all('/servers/:name', methodNotAllowed('GET, PUT, DELETE'))
  return router
}

class ServerWrites {
  readonly #options: ServerWriteOptions

  constructor(options: ServerWriteOptions) {
    this.#options = options
  }

  async show(request: Request, response: Response): Promise<void> {
    const stored = await this.#found(request, response)
    if (stored !== undefined) return this.#answer(response, stored)
    const { servers } = this.#options.catalog.snapshot
    const discovered = addressedBy(request, identityOf(response).principal).flatMap(
      (key) => servers.get(serverKey(key)) ?? [],
    )[0]
    if (discovered === undefined) throw unknownServer(String(request.params['name']))
    this.#answerWith(response, discovered, {
      document: masked({ ...discovered }, this.#hiddenFrom(response, discovered)),
    })
  }

  async create(request: Request, response: Response): Promise<void> {
    const { principal } = identityOf(response)
    const given = bodyOf(anyObject, request)
    const { document: wanted, problems } = unmasked({ tenantId: principal.tenantId, ...given }, undefined)
    this.#mayUse(principal, wanted['tenantId'])
    this.#mayWrite(principal, undefined, wanted)
    refuseInvalid(this.#options, wanted, problems)
    await refuseTaken(this.#options, String(wanted['name']))
    await refuseBeyondQuota(this.#options, String(wanted['tenantId']))
    const stored = await this.#options.acts.perform(
      identityOf(response),
      () => this.#options.registryStore.create(wanted),
      (created) => this.#act('server.create', created, undefined, created.document),
    )
    this.#log(response, 'server document created', stored, Object.keys(wanted))
    response.status(201).setHeader('Location', publicPath(this.#options.publicUrl, locationOf(stored)))
    this.#answer(response, stored)
  }

  async replace(request: Request, response: Response): Promise<void> {
    const { principal } = identityOf(response)
    const given = bodyOf(anyObject, request)
    const stored = await this.#stored(request, response)
    this.#mayUse(principal, stored.tenantId)
    const etag = matchOf(request, stored)
    const { tenantId, name } = stored
    const { document: wanted, problems, restored } = unmasked({ name, tenantId, ...given }, stored.document)
    if (wanted['name'] !== name || wanted['tenantId'] !== tenantId) {
      problems.push('name and tenantId cannot be changed: create a new document and delete this one')
    }
    if (restored && !isSameDestination(wanted, stored.document)) {
      problems.push(
        'url: the destination changed; enter the masked values again so that they are not sent to the new one',
      )
    }
    if (restored && !isSameUse(wanted, stored.document)) {
      problems.push('config: the values of the template changed; enter the masked values again')
    }
    this.#mayWrite(principal, stored.document, wanted)
    refuseInvalid(this.#options, wanted, problems)
    const written = await this.#options.acts.perform(
      identityOf(response),
      () => this.#options.registryStore.replace(wanted, etag),
      (replaced) => this.#act('server.replace', replaced, stored.document, replaced.document),
    )
    this.#log(response, 'server document replaced', written, fieldsThatDiffer(stored.document, wanted))
    this.#answer(response, written)
  }

  async remove(request: Request, response: Response): Promise<void> {
    const stored = await this.#stored(request, response)
    this.#mayUse(identityOf(response).principal, stored.tenantId)
    const etag = matchOf(request, stored)
    await this.#options.acts.perform(
      identityOf(response),
      () => this.#options.registryStore.remove(stored.tenantId, stored.name, etag),
      () => this.#act('server.remove', stored, stored.document, undefined),
    )
    this.#log(response, 'server document removed', stored, [])
    response.status(204).end()
  }

  /** The tenant's own document of the name in the path, else that for all tenants; `tenantId=*` asks for the latter. */
  async #stored(request: Request, response: Response): Promise<StoredDocument> {
    const found = await this.#found(request, response)
    if (found === undefined) throw unknownServer(String(request.params['name']))
    return found
  }

  #found(request: Request, response: Response): Promise<StoredDocument | undefined> {
    return firstStored(this.#options.registryStore, addressedBy(request, identityOf(response).principal))
  }

  /** Other tenants do not exist, except for documents of all. */
  #mayUse(principal: Principal, tenantId: unknown): void {
    if (tenantId === principal.tenantId) return
    if (tenantId === ALL_TENANTS) return this.#needAdmin(principal, 'a server for all tenants')
    throw new GatewayError('forbidden', 'A token can only write the servers of its tenant')
  }

  /** Anyone who determines what runs on the gateway's machine controls it. Existing values may stay. */
  #mayWrite(principal: Principal, before: JsonObject | undefined, wanted: JsonObject): void {
    const isStdio = wanted['transport'] === 'stdio' || 'command' in wanted || 'package' in wanted
    const isAsBefore =
      before !== undefined &&
      LAUNCH_FIELDS.every(
        (field) => canonicalJson(before[field] ?? null) === canonicalJson(wanted[field] ?? null),
      )
    if (isStdio && !isAsBefore) this.#needAdmin(principal, 'what is started on the gateway’s machine')
  }

  #needAdmin(principal: Principal, what: string): void {
    needAdmin(principal, this.#options.platformAdminRole, `Writing ${what}`)
  }

  #answer(response: Response, stored: StoredDocument): void {
    const etag = `"${stored.etag}"`
    response.setHeader('ETag', etag)
    const shown = masked(stored.document, this.#hiddenFrom(response, stored))
    this.#answerWith(response, stored, { etag, document: shown })
  }

  #answerWith(
    response: Response,
    { tenantId, name }: { tenantId: string; name: string },
    more: JsonObject,
  ): void {
    const isManager = this.#mayManage(response, { tenantId })
    response.json({ name, tenantId, ...stateOf(this.#options, { tenantId, name }, isManager), ...more })
  }

  #mayManage(response: Response, server: { tenantId: string }): boolean {
    return mayManage(identityOf(response).principal, server, this.#options.platformAdminRole)
  }

  /**
   * What runs on the gateway's machine for all tenants is not for every tenant to see, nor what callers must not set.
   */
  #hiddenFrom(response: Response, server: { tenantId: string }): string[] {
    return this.#mayManage(response, server) ? [] : ['command', 'args', 'cwd', FIXED_ARGUMENTS]
  }

  #act(
    action: Act,
    { tenantId, name }: StoredDocument,
    before: JsonObject | undefined,
    after: JsonObject | undefined,
  ): AdministrativeAct {
    return { action, object: { tenantId, name }, server: name, change: documentChange(before, after) }
  }

  #log(response: Response, event: string, stored: StoredDocument, fields: readonly string[]): void {
    logAction(this.#options, identityOf(response), event, stored, { fields })
  }
}

/**
 * Kept secrets may only be sent to their previous destination: otherwise a user who may write but not read them could
 * have them sent elsewhere.
 */
function isSameDestination(wanted: JsonObject, stored: JsonObject): boolean {
  const before = new Set(originsOf(stored))
  return originsOf(wanted).every((origin) => before.has(origin))
}

/** A template may put any value anywhere, for example a stored secret next to a new host: all values are retained, or none. */
function isSameUse(wanted: JsonObject, stored: JsonObject): boolean {
  return ['transport', 'templateName', 'config'].every(
    (field) =>
      (wanted['transport'] !== 'template' && stored['transport'] !== 'template') ||
      canonicalJson(wanted[field] ?? null) === canonicalJson(stored[field] ?? null),
  )
}

function originsOf({ url, instances }: JsonObject): string[] {
  const listed = Array.isArray(instances)
    ? instances.map((entry: unknown) => (isJsonObject(entry) ? entry['url'] : ''))
    : []
  return [url, ...listed].flatMap((text) => (typeof text === 'string' ? (URL.parse(text)?.origin ?? []) : []))
}

function fieldsThatDiffer(before: JsonObject, after: JsonObject): string[] {
  const fields = [...new Set([...Object.keys(before), ...Object.keys(after)])]
  return fields.filter(
    (field) => canonicalJson(before[field] ?? null) !== canonicalJson(after[field] ?? null),
  )
}

function locationOf({ tenantId, name }: StoredDocument): string {
  return `/v1/servers/${name}${tenantId === ALL_TENANTS ? '?tenantId=*' : ''}`
}
