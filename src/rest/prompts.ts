import { Router } from 'express'
import { z } from 'zod'
import type { Catalog } from '../catalog/catalog.ts'
import { pageOf } from '../catalog/page.ts'
import type { Calls } from '../calls/calls.ts'
import { METHODS } from '../calls/methods.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { bodyOf, pageQuery, queryOf } from './query.ts'
import { answerWith, callerOf } from './run.ts'

/** What a list of prompts is asked for with. */
export const promptsQuery = z.object(pageQuery)
/** What a prompt is asked for with. */
export const getBody = z.strictObject({ arguments: z.record(z.string(), z.string()).nullish() })

/** `/v1/prompts`: the caller's prompts, and getting one with its arguments filled in. */
export function promptRoutes({ catalog, calls }: { catalog: Catalog; calls: Calls }): Router {
  const router = Router()

  router.get('/prompts', (request, response) => {
    const { limit, cursor } = queryOf(promptsQuery, request)
    const { principal } = callerOf(response)
    const view = catalog.viewOf(principal)
    const of = { principal, scope: undefined, list: '/v1/prompts' }
    const { items, nextCursor } = pageOf(view.prompts, cursor, limit, of)
    response.json({
      prompts: items.map(({ shownAs, serverName, listed }) => ({
        ...listed,
        id: shownAs,
        server: serverName,
      })),
      ...(nextCursor !== undefined && { nextCursor }),
      missingServers: view.missing,
      staleServers: view.stale,
    })
  })

  router.post('/prompts/:promptId', async (request, response) => {
    const name = request.params.promptId
    const params = { name, arguments: bodyOf(getBody, request).arguments ?? {} }
    const operation = { action: 'get', kind: 'prompt', name, method: METHODS.promptsGet, params } as const
    await answerWith(calls, request, response, operation)
  })

  router.all('/prompts', methodNotAllowed('GET'))
  router.all('/prompts/:promptId', methodNotAllowed('POST'))
  return router
}
