import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { type Response, Router } from 'express'
import { publicPath } from '../../domain/public-path.ts'
import { Html, html } from '../../domain/text/html.ts'
import { type DocsPage, readPages, renderDocs } from './docs-library.ts'

const STYLE = `
:root { color-scheme: light dark; --back: #fff; --text: #17191c; --soft: #5b6067; --line: #e5e5e2; --code: #f3f3f1; --main: #2b55cc }
@media (prefers-color-scheme: dark) { :root { --back: #101214; --text: #eceef0; --soft: #9ea5ad; --line: #2a2d31; --code: #17191c; --main: #8fabff } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 60rem; padding: 1rem 1.25rem 4rem; background: var(--back); color: var(--text); font: 1rem/1.6 system-ui, sans-serif }
nav { padding: .5rem 0 1rem; border-bottom: 1px solid var(--line); font-size: .9rem }
nav a { margin-right: 1rem }
h1, h2, h3 { line-height: 1.25; overflow-wrap: anywhere }
h2 { margin-top: 2.25rem }
a { color: var(--main) }
code { padding: .1em .3em; border-radius: .3em; background: var(--code); font: .88em/1.5 ui-monospace, monospace; overflow-wrap: anywhere }
pre { padding: .9rem 1rem; border: 1px solid var(--line); border-radius: .5rem; background: var(--code); overflow-x: auto }
pre code { padding: 0; background: none; line-height: 1.3; overflow-wrap: normal }
table { display: block; border-collapse: collapse; overflow-x: auto }
th, td { padding: .4rem .7rem; border: 1px solid var(--line); text-align: left; vertical-align: top }
th { background: var(--code) }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px }
`
const style = new Html(`<style>${STYLE}</style>`)
const POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'`,
  "form-action 'none'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')
const MAX_AGE_SECONDS = 300
/** The pages come with the package: `docs` next to `src`, or to `dist`. */
const FOLDER = fileURLToPath(new URL('../../../docs', import.meta.url))

/**
 * The documentation of this version: `/docs` and `/docs/{page}` for people, `/docs/{page}.md` and `/llms.txt` for programs. It is
 * read once, with the first request. Nothing in it is anybody's, so that it needs no token.
 * @param options.folder where the pages are
 */
export function docsPages({ publicUrl, folder = FOLDER }: { publicUrl: string; folder?: string }): Router {
  const base = publicPath(publicUrl, '/docs')
  let library: ReadonlyMap<string, DocsPage> | undefined
  const rendered = new Map<string, string>()
  const pages = (): ReadonlyMap<string, DocsPage> => (library ??= readPages(folder))
  const htmlOf = async (page: DocsPage): Promise<string> => {
    const text =
      rendered.get(page.path) ?? wholePage(page, await renderDocs(page, pages(), base), base).toString()
    rendered.set(page.path, text)
    return text
  }
  const router = Router()
  router.get('/llms.txt', (_request, response) => send(response, 'text/plain', overview(pages(), base)))
  router.get(['/docs', '/docs/*path'], async ({ path }, response) => {
    const name = nameOf(path)
    const page = pages().get(name.replace(/(^|\/)README$/, ''))
    if (page !== undefined && path.endsWith('.md')) return send(response, 'text/markdown', page.markdown)
    if (page !== undefined) return send(response, 'text/html', await htmlOf(page))
    const known = html`<p>There is no page of this name. <a href="${base}">All pages</a></p>`
    return send(
      response.status(404),
      'text/html',
      wholePage({ path: '', title: 'Unknown page' }, known, base).toString(),
    )
  })
  return router
}

/** The path of a page, of that of a request. */
function nameOf(requestPath: string): string {
  return requestPath.slice('/docs'.length).replace(/^\//, '').replace(/\/$/, '').replace(/\.md$/, '')
}

/** What there is, as llmstxt.org describes it. */
function overview(pages: ReadonlyMap<string, DocsPage>, base: string): string {
  const lines = [...pages.values()]
    .filter(({ path }) => !path.startsWith('decisions/'))
    .map(({ file, title, summary }) => `- [${title}](${base}/${file})${summary === '' ? '' : `: ${summary}`}`)
  return `# Tool Gateway

> One authenticated, filtered, audited endpoint in front of many MCP servers, for many tenants.

MCP clients connect to /mcp, programs to the REST API at /v1, which /v1/openapi.json describes.

## Docs

${lines.join('\n')}
`
}

function wholePage({ path, title }: Pick<DocsPage, 'path' | 'title'>, content: Html, base: string): Html {
  const markdown = path === '' ? 'README' : path
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title} · Tool Gateway</title>
        ${style}
      </head>
      <body>
        <nav>
          <a href="${base}">Documentation</a><a href="${base}/api">REST API</a
          ><a href="${base}/${markdown}.md">This page as Markdown</a>
        </nav>
        <main>${content}</main>
      </body>
    </html>`
}

function send(response: Response, type: string, text: string): void {
  response
    .set({
      'Content-Security-Policy': POLICY,
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'same-origin',
      'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
      'Content-Type': `${type}; charset=utf-8`,
    })
    .send(text)
}
