import { html, type Html } from '../../domain/text/html.ts'
import { notice } from '../markup/parts.ts'
import { RestProblem } from './rest-client.ts'

/** What a refused request says, with everything that is wrong with it. */
export function problemNotice(error: unknown): Html {
  if (!(error instanceof RestProblem)) throw error
  const { title, detail, problems, code } = error
  const more =
    problems.length > 1
      ? html`<ul>
          ${problems.map((problem) => html`<li>${problem}</li>`)}
        </ul>`
      : html`<p>${detail ?? ''}</p>`
  return notice(
    'bad',
    title,
    html`${more}
      <p class="muted"><code>${code}</code></p>`,
  )
}
