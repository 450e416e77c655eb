import { hash } from 'node:crypto'
import { type Request, type Response, Router } from 'express'
import type { Catalog } from '../../catalog/catalog.ts'
import { isForModels } from '../../catalog/ui-tools.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { identityOf } from '../../identity/identity.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { queryOf } from '../query.ts'
import { openapiDocument } from './document.ts'
import { OPERATIONS, openapiQuery } from './operations.ts'
import { withTools } from './tool-operations.ts'

/**
 * `GET /v1/openapi.json`: the API as an OpenAPI document; with `?expand=tools` each tool of the caller's view is an
 * operation of it.
 */
export function openapiRoutes({ catalog, publicUrl }: { catalog: Catalog; publicUrl: string }): Router {
  const router = Router()
  let made: JsonObject | undefined
  const documentOfApi = (): JsonObject => (made ??= openapiDocument(OPERATIONS, { publicUrl })) // takes its time
  router.get('/openapi.json', (request, response) => {
    const { expand, server } = queryOf(openapiQuery, request)
    if (expand === undefined) return answer(request, response, documentOfApi())
    const { tools } = catalog.viewOf(identityOf(response).principal)
    const wanted = tools.filter(
      ({ listed, serverName }) => isForModels(listed) && (server === undefined || serverName === server),
    )
    return answer(request, response, withTools(documentOfApi(), wanted))
  })
  router.all('/openapi.json', methodNotAllowed('GET'))
  return router
}

/** With an entity tag, because clients ask again and again; only for the caller, whose tools it may have. */
function answer(request: Request, response: Response, document: object): void {
  const text = JSON.stringify(document)
  const etag = `"${hash('sha256', text, 'base64url').slice(0, 22)}"`
  response.set({ ETag: etag, 'Cache-Control': 'private, no-cache', Vary: 'Authorization' })
  const known = (request.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  if (known.includes(etag) || known.includes('*')) response.status(304).end()
  else response.type('application/json').send(text)
}
