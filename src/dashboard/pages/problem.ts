import { html, type Html } from '../../domain/text/html.ts'
import { pageHead } from '../markup/parts.ts'
import type { RestProblem } from '../visit/rest-client.ts'
import type { Look } from '../markup/page.ts'

const ADVICE: Readonly<Record<number, string>> = {
  403: 'Your roles do not allow this. Someone with the role can do it, or give it to you.',
  404: 'It may have been removed, or it never was there under this name.',
  503: 'Try again in a moment.',
}

/** What a page says in place of what it cannot show. */
export function problemBody({ status, title, detail, code }: RestProblem, { at }: Look): Html {
  return html`${pageHead(title, { about: detail === title ? undefined : detail })}
    <p>${code === 'not_ready' ? 'This page loads again by itself.' : ADVICE[status]}</p>
    <p class="muted small">Error code <code>${code}</code>, status ${status}</p>
    <p class="buttons"><a class="button" href="${at('/dashboard')}">Go to the overview</a></p>`
}
