import { type Request, type Response, Router } from 'express'
import { z } from 'zod'
import { identityOf } from '../identity/identity.ts'
import type { PipelineRuns } from '../features/pipelines/pipeline-runs.ts'
import type { RunDirectory } from '../features/pipelines/run-directory.ts'
import type { Catalog } from '../catalog/catalog.ts'
import type { CatalogItem } from '../catalog/server-catalog.ts'
import { GatewayError } from '../domain/errors/errors.ts'
import type { JsonObject } from '../domain/json/json.ts'
import { PIPELINE_SERVER } from '../domain/documents/pipeline-definition.ts'
import { publicPath } from '../domain/public-path.ts'
import { exposedName } from '../domain/tool-name.ts'
import type { Operation } from '../calls/call.ts'
import type { Calls } from '../calls/calls.ts'
import { METHODS } from '../calls/methods.ts'
import { traceRequest } from '../calls/trace.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { argumentsOrNone, bodyOf } from './query.ts'
import { answerWith, callerOf } from './run.ts'

interface PipelineRouteOptions {
  readonly catalog: Catalog
  readonly calls: Calls
  readonly pipelineRuns: PipelineRuns
  readonly runDirectory: RunDirectory
  readonly publicUrl: string
}

/** What a run of a pipeline has. Not a record schema: that would drop members of some names. */
export const runBody = z.strictObject({ arguments: argumentsOrNone })

/**
 * `GET /v1/pipelines` and `POST /v1/pipelines/{name}`: the caller's pipelines, and running one; with `Prefer:
 * respond-async` (RFC 7240 §4.1) the answer is the run's address, and the run continues without the connection. `GET`
 * and `DELETE /v1/pipelines/runs/{id}`: the state of a run of the caller, and ending it. `GET /v1/pipeline-runs`: the
 * caller's runs of this process.
 */
export function pipelineRoutes(options: PipelineRouteOptions): Router {
  const { catalog, calls, pipelineRuns, runDirectory } = options
  const router = Router()

  router.get('/pipelines', (_request, response) => {
    const { tools } = catalog.viewOf(identityOf(response).principal)
    response.json({
      pipelines: tools.filter(({ serverName }) => serverName === PIPELINE_SERVER).map(described),
    })
  })

  router.get('/pipeline-runs', (_request, response) => {
    response.json({ runs: pipelineRuns.list(identityOf(response).principal) })
  })
  router.all('/pipeline-runs', methodNotAllowed('GET'))

  router.get('/pipelines/runs/:id', async (request, response) => {
    response.json(await runDirectory.status(request.params.id, identityOf(response).principal))
  })
  router.delete('/pipelines/runs/:id', async (request, response) => {
    response.json(await runDirectory.cancel(request.params.id, identityOf(response).principal))
  })
  router.all('/pipelines/runs/:id', methodNotAllowed('GET, DELETE'))

  router.post('/pipelines/:name', async (request, response) => {
    const name = exposedName(PIPELINE_SERVER, request.params.name)
    const operation = {
      action: 'call',
      kind: 'tool',
      name,
      method: METHODS.toolsCall,
      params: { name, arguments: bodyOf(runBody, request).arguments },
    } as const
    try {
      if (prefersAsync(request)) await answerAsync(options, response, operation)
      else await answerWith(calls, request, response, operation, withIsError)
    } catch (error) {
      // Where the caller has the pipeline, it is a tool of one of its steps.
      const isKnown = catalog.viewOf(identityOf(response).principal).toolsByName.has(name)
      const isNotFound = error instanceof GatewayError && error.code === 'tool_not_found'
      throw isNotFound && !isKnown ? unknownPipeline(request.params.name) : error
    }
  })

  router.all('/pipelines', methodNotAllowed('GET'))
  return router
}

/** A pipeline as its caller sees it. */
export function described({ name, shownAs, listed }: CatalogItem): JsonObject {
  const { name: _shown, ...rest } = listed
  return { name, tool: shownAs, ...rest }
}

/** Answers as soon as the run has begun, or with what kept it from that. */
async function answerAsync(
  { calls, pipelineRuns, publicUrl }: PipelineRouteOptions,
  response: Response,
  given: Pick<Operation, 'action' | 'kind' | 'name' | 'method' | 'params'>,
): Promise<void> {
  const operation: Operation = { ...given, scope: undefined, signal: new AbortController().signal }
  const { id, begun } = pipelineRuns.expect(operation)
  const caller = callerOf(response)
  const result = traceRequest({ method: operation.method.name, over: 'rest' }, () =>
    calls.run(caller, operation),
  )
  // The run's status shows its later outcome.
  result.catch(() => undefined)
  await Promise.race([begun, result])
  response.setHeader('Preference-Applied', 'respond-async')
  response.setHeader('Location', publicPath(publicUrl, `/v1/pipelines/runs/${id}`))
  response.status(202).json(pipelineRuns.status(id, caller.principal))
}

function prefersAsync(request: Request): boolean {
  const preferences = (request.get('prefer') ?? '').split(',')
  return preferences.some((each) => /^\s*respond-async\s*(;|$)/i.test(each))
}

/** REST callers can rely on `isError` being there. */
function withIsError(result: JsonObject): JsonObject {
  return { ...result, isError: result['isError'] === true }
}

/** The error for a pipeline that does not exist or that the caller may not see. */
export function unknownPipeline(name: string): GatewayError {
  return new GatewayError('tool_not_found', `Unknown pipeline: ${name.slice(0, 64)}`)
}
