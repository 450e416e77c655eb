import { type Response, Router } from 'express'
import { ERRORS } from '../../domain/errors/error-table.ts'
import type { ErrorDefinition } from '../../domain/errors/error-row.ts'
import { publicPath } from '../../domain/public-path.ts'
import { nearNames } from '../../domain/text/near-names.ts'
import { html, type Html } from '../../domain/text/html.ts'
import { sendPage } from '../../oauth/pages/page.ts'

const OWNERS: Readonly<Record<ErrorDefinition['owner'], string>> = {
  client: 'the sender of the request',
  config: 'the people who configure the gateway',
  upstream: 'the people who run the MCP server behind the tool',
  gateway: 'the people who run the gateway',
}

/** `/errors` and `/errors/{code}`: what each error means, where the `type` of problem details leads. */
export function errorPages({ publicUrl }: { publicUrl: string }): Router {
  const router = Router()
  const linkTo = (code: string): string => publicPath(publicUrl, `/errors/${code}`)
  router.get('/errors', (_request, response) => {
    const items = Object.entries(ERRORS).map(
      ([code, { title }]) =>
        html`<li>
          <a href="${linkTo(code)}"><code>${code}</code></a> ${title}
        </li>`,
    )
    send(response, {
      title: 'Errors of the gateway',
      content: html`<ul>
        ${items}
      </ul>`,
    })
  })
  router.get('/errors/:code', (request, response) => {
    const { code } = request.params
    const row = rowOf(code)
    if (row === undefined) return sendUnknown(response, code, linkTo)
    return send(response, {
      title: row.title,
      content: contentOf(code, row, publicPath(publicUrl, '/errors')),
    })
  })
  return router
}

function rowOf(code: string): ErrorDefinition | undefined {
  return Object.hasOwn(ERRORS, code) ? Object.entries(ERRORS).find(([name]) => name === code)?.[1] : undefined
}

function contentOf(
  code: string,
  { status, rpc, owner, retryable, help }: ErrorDefinition,
  all: string,
): Html {
  return html`<p>${help}</p>
    <dl>
      <dt>Code</dt>
      <dd><code>${code}</code></dd>
      <dt>HTTP status, JSON-RPC code</dt>
      <dd>${status}, ${rpc}</dd>
      <dt>Who can do something about it</dt>
      <dd>${OWNERS[owner]}</dd>
      <dt>Can the same request succeed later?</dt>
      <dd>${retryable ? 'Yes, without a change.' : 'Not without a change.'}</dd>
    </dl>
    <p class="soft"><a href="${all}">All errors</a></p>`
}

function sendUnknown(response: Response, code: string, linkTo: (code: string) => string): void {
  const near = nearNames(code, Object.keys(ERRORS)).map(
    (name) =>
      html`<li>
        <a href="${linkTo(name)}"><code>${name}</code></a>
      </li>`,
  )
  const content = html`<p>The gateway has no error <code>${code.slice(0, 64)}</code>.</p>
    ${
      near.length === 0
        ? undefined
        : html`<p>Names near it:</p>
            <ul>
              ${near}
            </ul>`
    }`
  send(response, { title: 'Unknown error', content, status: 404 })
}

function send(response: Response, page: { title: string; content: Html; status?: number }): void {
  response.set('Cache-Control', 'public, max-age=3600')
  sendPage(response, page)
}
