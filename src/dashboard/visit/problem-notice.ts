import { html, type Html } from '../../domain/text/html.ts'
import { notice } from '../markup/parts.ts'
import { RestProblem } from './rest-client.ts'

/** Of what a server says of its error, as much as somebody reads. */
const MAX_SAID = 1000

/** What a refused request says, with everything that is wrong with it. */
export function problemNotice(error: unknown): Html {
  if (!(error instanceof RestProblem)) throw error
  const { title, detail, problems, code, said, approvalUrl } = error
  const more =
    problems.length > 1
      ? html`<ul>
          ${problems.map((problem) => html`<li>${problem}</li>`)}
        </ul>`
      : html`<p>${detail ?? ''}</p>`
  return notice(
    'bad',
    title,
    html`${more} ${said !== undefined && html`<p>It said: ${said.slice(0, MAX_SAID)}</p>`}
      ${approvalUrl !== undefined && html`<p><a href="${approvalUrl}">Open the request</a></p>`}
      <p class="muted"><code>${code}</code></p>`,
  )
}
