import { hash } from 'node:crypto'
import { type Request, type Response, Router } from 'express'
import type { Catalog } from '../../catalog/catalog.ts'
import type { JsonObject } from '../../domain/json/json.ts'
import { identityOf } from '../../identity/identity.ts'
import { methodNotAllowed } from '../method-not-allowed.ts'
import { queryOf } from '../query.ts'
import { keptTexts, toolsForModels } from '../tool-list.ts'
import { openapiDocument } from './document.ts'
import { OPERATIONS, openapiQuery } from './operations.ts'
import { withTools } from './tool-operations.ts'

/**
 * `GET /v1/openapi.json`: the API as an OpenAPI document; with `?expand=tools` each tool of the caller's view is an
 * operation of it.
 */
export function openapiRoutes({ catalog, publicUrl }: { catalog: Catalog; publicUrl: string }): Router {
  const router = Router()
  const texts = keptTexts()
  let made: { readonly document: JsonObject; readonly text: Buffer } | undefined
  const madeOnce = (): NonNullable<typeof made> => {
    if (made === undefined) {
      const document = openapiDocument(OPERATIONS, { publicUrl }) // takes its time
      made = { document, text: Buffer.from(JSON.stringify(document)) }
    }
    return made
  }
  router.get('/openapi.json', (request, response) => {
    const { expand, server } = queryOf(openapiQuery, request)
    const { document, text } = madeOnce()
    if (expand === undefined) return answer(request, response, text)
    const view = catalog.viewOf(identityOf(response).principal)
    const tools = toolsForModels(view, server)
    // The document is the same for all servers without tools.
    const form = tools.length === 0 ? 'none' : JSON.stringify([server])
    const write = (): string => JSON.stringify(withTools(document, tools))
    return answer(request, response, texts.textOf(view, form, write))
  })
  router.all('/openapi.json', methodNotAllowed('GET'))
  return router
}

const etags = new WeakMap<Buffer, string>()

/** With an entity tag, because clients ask again and again; only for the caller, whose tools it may have. */
function answer(request: Request, response: Response, text: Buffer): void {
  const etag = etagOf(text)
  response.set({ ETag: etag, 'Cache-Control': 'private, no-cache', Vary: 'Authorization' })
  const known = (request.get('if-none-match') ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''))
  if (known.includes(etag) || known.includes('*')) response.status(304).end()
  else response.type('application/json').send(text)
}

function etagOf(text: Buffer): string {
  let etag = etags.get(text)
  if (etag === undefined) {
    etag = `"${hash('sha256', text, 'base64url').slice(0, 22)}"`
    etags.set(text, etag)
  }
  return etag
}
