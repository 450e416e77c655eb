import { type Request, type Response, Router } from 'express'
import { identityOf } from '../../identity/identity.ts'
import type { PipelineCheck } from '../../features/pipelines/pipeline-check.ts'
import { GatewayError } from '../../domain/errors/errors.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { PIPELINE_SERVER } from '../../domain/documents/pipeline-definition.ts'
import { ALL_TENANTS, type Principal } from '../../domain/principal.ts'
import { exposedName } from '../../domain/tool-name.ts'
import { otherTemplates } from '../../pipelines/other-templates.ts'
import { planOf } from '../../pipelines/plan.ts'
import { referenceProblems } from '../../pipelines/references.ts'
import { changedFields } from '../../registry/document-change.ts'
import { checkedPipeline } from '../../registry/documents/parse-pipelines.ts'
import type { RegistryStore, StoredDocument } from '../../registry/registry-store.ts'
import {
  addressedBy,
  firstStored,
  logAction,
  type ManagementOptions,
  matchOf,
  needAdmin,
} from './managed-server.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { described, unknownPipeline } from '../pipelines.ts'
import { anyObject, bodyOf } from '../query.ts'
import { requireRole } from '../require-role.ts'

/** What the routes that write pipelines need. */
export interface PipelineWriteOptions extends ManagementOptions {
  readonly pipelineStore: RegistryStore
  readonly pipelineCheck: PipelineCheck
}

/**
 * `GET`, `PUT` and `DELETE /v1/pipelines/{name}`: the documents of the caller's tenant and, with `?tenantId=*`, those
 * for all tenants, for operators; to others `GET` describes the pipeline as its callers see it. A document with
 * anything wrong in it is not stored.
 */
export function pipelineWriteRoutes(options: PipelineWriteOptions): Router {
  const router = Router()
  const writes = new PipelineWrites(options)
  const operator = requireRole('operator')
  router.get('/pipelines/:name', (request, response) => writes.show(request, response))
  router.put('/pipelines/:name', operator, (request, response) => writes.put(request, response))
  router.delete('/pipelines/:name', operator, (request, response) => writes.remove(request, response))
  router.all('/pipelines/:name', methodNotAllowed('GET, POST, PUT, DELETE'))
  return router
}

class PipelineWrites {
  readonly #options: PipelineWriteOptions

  constructor(options: PipelineWriteOptions) {
    this.#options = options
  }

  async show(request: Request, response: Response): Promise<void> {
    const { principal } = identityOf(response)
    const name = String(request.params['name'])
    const stored = principal.roles.includes('operator') ? await this.#found(request, principal) : undefined
    if (stored !== undefined) return this.#answer(response, stored)
    const tool = exposedName(PIPELINE_SERVER, name)
    const item = this.#options.catalog.viewOf(principal).toolsByName.get(tool)
    if (item === undefined) throw unknownPipeline(name)
    response.json(described(item))
  }

  async put(request: Request, response: Response): Promise<void> {
    const name = String(request.params['name'])
    const identity = identityOf(response)
    const { principal } = identity
    const tenantId = addressedBy(request, principal, unknownPipeline)[0]?.tenantId ?? principal.tenantId
    this.#mayWrite(principal, tenantId)
    const before = await this.#found(request, principal, tenantId)
    const wanted = { name, tenantId, ...bodyOf(anyObject, request) }
    if (wanted.name !== name || wanted.tenantId !== tenantId)
      throw invalid(['name and tenantId must match the path'])
    const problems = this.#problemsOf(wanted)
    if (problems.length > 0) throw invalid(problems)
    if (before === undefined) this.#refuseTaken(wanted)
    const { pipelineStore } = this.#options
    const etag = before && matchOf(request, before)
    const stored = await this.#options.acts.perform(
      identity,
      () => (etag === undefined ? pipelineStore.create(wanted) : pipelineStore.replace(wanted, etag)),
      () => ({
        action: before === undefined ? 'pipeline.create' : 'pipeline.replace',
        object: { tenantId, name },
        change: changedFields(before?.document, wanted),
      }),
    )
    logAction(this.#options, identity, 'pipeline document written', stored)
    this.#answer(response.status(before === undefined ? 201 : 200), stored)
  }

  async remove(request: Request, response: Response): Promise<void> {
    const identity = identityOf(response)
    const stored = await this.#found(request, identity.principal)
    if (stored === undefined) throw unknownPipeline(String(request.params['name']))
    const { tenantId, name } = stored
    this.#mayWrite(identity.principal, tenantId)
    const etag = matchOf(request, stored)
    await this.#options.acts.perform(
      identity,
      () => this.#options.pipelineStore.remove(tenantId, name, etag),
      () => ({ action: 'pipeline.remove', object: { tenantId, name } }),
    )
    logAction(this.#options, identity, 'pipeline document removed', stored)
    response.status(204).end()
  }

  /** Everything that is wrong with a document now, as far as it can be known. */
  #problemsOf(document: JsonObject): readonly string[] {
    const { catalog, pipelineCheck } = this.#options
    const { definition, problems } = checkedPipeline(document)
    if (definition === undefined) return problems
    const planned = planOf(definition)
    const references = referenceProblems(definition, catalog.snapshot)
    if (references.length > 0 || !('plan' in planned)) return references
    // What is for all tenants uses what each one has.
    if (definition.tenantId === ALL_TENANTS) return []
    return pipelineCheck.problemsOf(planned.plan, definition.tenantId)
  }

  #found(request: Request, principal: Principal, tenantId?: string): Promise<StoredDocument | undefined> {
    const keys = addressedBy(request, principal, unknownPipeline).filter(
      (key) => tenantId === undefined || key.tenantId === tenantId,
    )
    return firstStored(this.#options.pipelineStore, keys)
  }

  #mayWrite(principal: Principal, tenantId: string): void {
    if (tenantId !== ALL_TENANTS) return
    needAdmin(principal, this.#options.platformAdminRole, 'Writing a pipeline for all tenants')
  }

  /** What is for all tenants has its name in each. @throws GatewayError `already_exists` */
  #refuseTaken({ name, tenantId }: { name: string; tenantId: string }): void {
    if (tenantId === ALL_TENANTS) return
    const all = [...this.#options.catalog.snapshot.pipelines.values()]
    if (all.some((pipeline) => pipeline.tenantId === ALL_TENANTS && pipeline.name === name))
      throw new GatewayError('already_exists', 'A pipeline for all tenants has this name')
  }

  #answer(response: Response, { tenantId, name, document, etag }: StoredDocument): void {
    response.setHeader('ETag', `"${etag}"`)
    response.json({
      name,
      tenantId,
      etag: `"${etag}"`,
      problems: this.#problemsOf(document),
      warnings: warningsOf(document),
      document,
    })
  }
}

function warningsOf(document: JsonObject): readonly string[] {
  const { definition } = checkedPipeline(document)
  return definition === undefined ? [] : otherTemplates(definition)
}

function invalid(problems: readonly string[]): GatewayError {
  return new GatewayError('invalid_document', problems.join('; ').slice(0, 4000), { facts: { problems } })
}
