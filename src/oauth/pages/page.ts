import { createHash } from 'node:crypto'
import type { Response } from 'express'
import { Html, html } from '../../domain/text/html.ts'

const STYLE = `
:root { color-scheme: light dark; --back: #fafaf9; --card: #fff; --text: #17191c; --soft: #5b6067; --line: #e5e5e2; --edge: #8b8f94; --main: #2b55cc; --on-main: #fff; --warn: #8a5300 }
@media (prefers-color-scheme: dark) { :root { --back: #101214; --card: #17191c; --text: #eceef0; --soft: #9ea5ad; --line: #2a2d31; --edge: #6b7178; --main: #8fabff; --on-main: #0e1424; --warn: #e2b25f } }
* { box-sizing: border-box }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
main { width: 100%; max-width: 30rem; padding: 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: .75rem }
h1 { margin: 0 0 .75rem; font-size: 1.35rem; line-height: 1.3; overflow-wrap: anywhere }
h2 { margin: 1.25rem 0 .25rem; font-size: .95rem }
p, ul, dl { margin: .5rem 0 }
ul { padding-left: 1.25rem }
dt { margin-top: .6rem; color: var(--soft); font-size: .9rem }
dd, li, code { overflow-wrap: anywhere }
dd { margin: 0 }
code { font-family: ui-monospace, monospace; font-size: .92em }
.soft { color: var(--soft) }
.warn { color: var(--warn) }
label { display: block; margin-top: 1rem; font-size: .9rem }
input[type=text] { width: 100%; margin-top: .25rem; padding: .6rem .75rem; border: 1px solid var(--edge); border-radius: .5rem; background: var(--back); color: inherit; font: inherit }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin-top: 1.25rem }
button { flex: 1 1 8rem; min-height: 2.9rem; padding: .6rem 1rem; border: 1px solid var(--edge); border-radius: .5rem; background: transparent; color: inherit; font: inherit; font-weight: 600; cursor: pointer }
button.main { border-color: var(--main); background: var(--main); color: var(--on-main) }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px }
`
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')
const style = new Html(`<style>${STYLE}</style>`)

interface RenderedPage {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** A page for a person. */
export interface Page {
  readonly title: string
  readonly content: Html
  readonly status?: number
  /** Origins or schemes, beside this one, that the answer to a form may lead to. */
  readonly formTargets?: readonly string[]
}

/** Status, headers and text of a page that runs no script, loads nothing, and cannot be framed. */
export function renderPage({ title, content, status = 200, formTargets = [] }: Page): RenderedPage {
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${STYLE_HASH}'`,
    `form-action ${["'self'", ...formTargets].join(' ')}`,
    "frame-ancestors 'none'",
    "base-uri 'none'",
  ]
  const whole = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title} · Tool Gateway</title>
        ${style}
      </head>
      <body>
        <main>
          <h1>${title}</h1>
          ${content}
        </main>
      </body>
    </html>`
  const headers = {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'X-Frame-Options': 'DENY',
    'X-Content-Type-Options': 'nosniff',
    'Referrer-Policy': 'same-origin',
    'Cache-Control': 'no-store',
    ...(status === 503 && { 'Retry-After': '1' }),
  }
  return { status, headers, text: whole.toString() }
}

/** Sends a page; see `renderPage`. */
export function sendPage(response: Response, page: Page): void {
  const { status, headers, text } = renderPage(page)
  response.status(status).set(headers).send(text)
}
