import { type RequestHandler, Router } from 'express'
import { z } from 'zod'
import { ENHANCE_TOOL, MAX_CLIENT, MAX_PROMPT } from '../features/enhancement/enhance-tool.ts'
import type { Catalog } from '../catalog/catalog.ts'
import { rulesFor } from '../domain/documents/enhancement-rule.ts'
import { isJsonObject, type JsonObject } from '../domain/json/json.ts'
import type { OpenEnhancer } from '../features/enhancement/enhancer-open.ts'
import type { Calls } from '../calls/calls.ts'
import { METHODS } from '../calls/methods.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { bodyOf } from './query.ts'
import { requireRole } from './require-role.ts'
import { answerWith, callerOf } from './run.ts'

interface EnhanceRouteOptions {
  readonly calls: Calls
  readonly catalog: Catalog
  readonly enhancing: OpenEnhancer
}

/** What is to be improved. */
export const enhanceBody = z.strictObject({
  prompt: z.string().min(1).max(MAX_PROMPT),
  client: z.string().min(1).max(MAX_CLIENT).optional(),
})

/**
 * `POST /enhance`: the tool `gateway_enhance_prompt` with its result alone, streamed on request. `GET /enhance`, for
 * operators, tells how the Ollama server is, its models, and the rules for the tenant.
 */
export function enhanceRoutes(options: EnhanceRouteOptions): Router {
  const router = Router()
  router.post('/enhance', enhance(options))
  router.get('/enhance', requireRole('operator'), (_request, response) => {
    const { enhancing, catalog } = options
    const { tenantId } = callerOf(response).principal
    response.json({
      ...statusOf(enhancing),
      models: enhancing.status()?.models ?? [],
      rules: rulesFor(catalog.snapshot.enhancementRules.values(), tenantId),
    })
  })
  router.all('/enhance', methodNotAllowed('GET, POST'))
  return router
}

/** The state of the Ollama server, for all callers; `off` without one. */
export function statusOf({ status }: Pick<OpenEnhancer, 'status'>): JsonObject {
  const known = status()
  if (known === undefined) return { state: 'off' }
  return { state: known.state, since: new Date(known.since).toISOString(), breaker: known.breaker }
}

function enhance({ calls, enhancing: { enhancer } }: EnhanceRouteOptions): RequestHandler {
  return async (request, response) => {
    const given = bodyOf(enhanceBody, request)
    // There is no tool then, and callers that always ask should not have to know.
    if (!enhancer.isOn) return void response.json({ prompt: given.prompt, enhanced: false, reason: 'off' })
    const operation = {
      action: 'call',
      kind: 'tool',
      name: ENHANCE_TOOL,
      method: METHODS.toolsCall,
      params: { name: ENHANCE_TOOL, arguments: given },
    } as const
    await answerWith(calls, request, response, operation, ({ structuredContent }) =>
      isJsonObject(structuredContent) ? structuredContent : {},
    )
  }
}
