import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Response, Router } from 'express'
import { publicPath } from '../../domain/public-path.ts'
import { html } from '../../domain/text/html.ts'
import { openapiDocument } from '../../rest/openapi/document.ts'
import { OPERATIONS } from '../../rest/openapi/operations.ts'
import { API_PAGE_SCRIPT, API_PAGE_STYLE } from './api-page-assets.ts'

const DAY_SECONDS = 86_400
/** The viewer sets styles of its elements; everything else is as strict as it can be. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

/** The files of the viewer, by the names under which they are served. */
const VIEWER_FILES: Readonly<Record<string, { readonly type: string; readonly module: string }>> = {
  'swagger-ui.css': { type: 'text/css', module: 'swagger-ui-dist/swagger-ui.css' },
  'swagger-ui-bundle.js': { type: 'text/javascript', module: 'swagger-ui-dist/swagger-ui-bundle.js' },
}

/**
 * `/docs/api`: a page to read and try the REST API on, with the tools of the token that a person gives it. The page
 * needs no token: without one it shows what every gateway has.
 */
export function apiPage({ publicUrl }: { publicUrl: string }): Router {
  const at = (path: string): string => publicPath(publicUrl, `/docs/api/${path}`)
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>API of the Tool Gateway</title>
        <link rel="stylesheet" href="${at('swagger-ui.css')}" />
        <link rel="stylesheet" href="${at('page.css')}" />
      </head>
      <body>
        <form id="token-form">
          <label for="token">Token, to try calls and to see your tools</label>
          <input id="token" type="password" autocomplete="off" spellcheck="false" />
          <button type="submit">Use it</button>
          <output id="note" role="status"></output>
        </form>
        <main
          id="viewer"
          data-document="${at('openapi.json')}"
          data-own-document="${publicPath(publicUrl, '/v1/openapi.json?expand=tools')}"
        ></main>
        <script src="${at('swagger-ui-bundle.js')}"></script>
        <script src="${at('page.js')}"></script>
      </body>
    </html>`
  let document: string | undefined
  const router = Router()
  router.get('/docs/api', (_request, response) => {
    response.set('Content-Security-Policy', POLICY).set('Referrer-Policy', 'no-referrer')
    response.type('text/html').send(page.toString())
  })
  router.get('/docs/api/openapi.json', (_request, response) => {
    document ??= JSON.stringify(openapiDocument(OPERATIONS, { publicUrl })) // takes its time
    response.type('application/json').send(document)
  })
  router.get('/docs/api/page.js', (_request, response) => send(response, 'text/javascript', API_PAGE_SCRIPT))
  router.get('/docs/api/page.css', (_request, response) => send(response, 'text/css', API_PAGE_STYLE))
  for (const [name, { type, module }] of Object.entries(VIEWER_FILES)) {
    router.get(`/docs/api/${name}`, async (_request, response) => {
      send(response, type, await readFile(fileURLToPath(import.meta.resolve(module))))
    })
  }
  return router
}

function send(response: Response, type: string, content: string | Buffer): void {
  response.set('Cache-Control', `public, max-age=${DAY_SECONDS}`).set('X-Content-Type-Options', 'nosniff')
  response.type(type).send(content)
}
