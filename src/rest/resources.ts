import { Router } from 'express'
import { z } from 'zod'
import type { Catalog } from '../catalog/catalog.ts'
import { pageOf } from '../catalog/page.ts'
import type { CatalogItem } from '../catalog/server-catalog.ts'
import type { Calls } from '../calls/calls.ts'
import { METHODS } from '../calls/methods.ts'
import { methodNotAllowed } from './method-not-allowed.ts'
import { pageQuery, queryOf } from './query.ts'
import { answerWith, callerOf } from './run.ts'
import { extendedText, keptTexts } from './tool-list.ts'

const RESOURCES = Buffer.from('{"resources":')
const TEMPLATES = Buffer.from(',"resourceTemplates":')

/** What a list of resources is asked for with, or one of them. */
export const resourceQuery = z.object({ ...pageQuery, uri: z.string().min(1).max(8192).optional() })

/** `/v1/resources`: the caller's resources and templates, or with `?uri=` the contents of one resource. */
export function resourceRoutes({ catalog, calls }: { catalog: Catalog; calls: Calls }): Router {
  const router = Router()
  const texts = keptTexts()

  router.get('/resources', async (request, response) => {
    const { uri, limit, cursor } = queryOf(resourceQuery, request)
    if (uri !== undefined) {
      const operation = {
        action: 'read',
        kind: 'resource',
        name: uri,
        method: METHODS.resourcesRead,
        params: { uri },
      } as const
      return answerWith(calls, request, response, operation)
    }
    const { principal } = callerOf(response)
    const view = catalog.viewOf(principal)
    const of = { principal, scope: undefined, list: '/v1/resources' }
    const { items, start, nextCursor } = pageOf(view.resources, cursor, limit, of)
    const page = texts.textOf(view, `resources ${start} ${items.length}`, () => listText(items))
    const templates = texts.textOf(view, 'templates', () => listText(view.templates))
    const more = {
      ...(nextCursor !== undefined && { nextCursor }),
      missingServers: view.missing,
      staleServers: view.stale,
    }
    const rest = Buffer.from(`,${JSON.stringify(more).slice(1)}`)
    response.type('application/json').send(Buffer.concat([RESOURCES, page, TEMPLATES, templates, rest]))
  })

  router.all('/resources', methodNotAllowed('GET'))
  return router
}

function listText(items: readonly CatalogItem[]): string {
  return `[${items.map(({ serverName, listed }) => extendedText(listed, { server: serverName })).join(',')}]`
}
