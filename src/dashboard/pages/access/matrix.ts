import type { JsonObject } from '../../../domain/json/json.ts'
import { attribute, html, type Html } from '../../../domain/text/html.ts'
import type { Look } from '../../markup/page.ts'
import { empty, panel, select } from '../../markup/parts.ts'
import { amount, object, rows, text } from '../../visit/reading.ts'

interface MatrixOptions {
  readonly by: 'roles' | 'agents'
  /** The server that is shown, or an empty text for all. */
  readonly server: string
  readonly servers: readonly string[]
  readonly look: Look
}

const MARKS: Readonly<Record<string, readonly [mark: string, meaning: string]>> = {
  allow: ['●', 'may'],
  conditional: ['◐', 'may, under a condition'],
  deny: ['–', 'may not'],
}

/** Which role may use which tool, or which agent which server. */
export function matrixPanel(matrix: JsonObject, options: MatrixOptions): Html {
  const { by, server, servers, look } = options
  const here = look.at('/dashboard/access')
  const found = rows(matrix['rows'])
  const cursor = text(matrix['nextCursor'])
  const more = new URLSearchParams({ by, of: server, cursor: cursor ?? '' }).toString()
  return html`<div id="matrix">
    ${panel(
      'Who may use what',
      html`
        <form
          class="filters"
          action="${here}"
          hx-get="${here}"
          hx-trigger="change"
          hx-target="#matrix"
          hx-select="#matrix"
          hx-swap="outerHTML ignoreTitle:true"
        >
          ${select(
            'by',
            'Show',
            [
              ['roles', 'Roles by tools'],
              ['agents', 'Agents by servers'],
            ],
            by,
          )}
          ${select('of', 'Server', [['', 'All servers'], ...servers.map((name) => [name, name] as const)], server)}
        </form>
        ${found.length === 0 ? empty('No tools are known yet') : grid(matrix, found, by)}
        <p class="muted small">
          ${Object.values(MARKS).map(([mark, meaning]) => html`<span class="key">${mark} ${meaning}</span>`)}
        </p>
        ${cursor !== undefined && html`<p><a class="button" href="${here}?${more}">Next page</a></p>`}
      `,
    )}
  </div>`
}

function grid(matrix: JsonObject, found: readonly JsonObject[], by: MatrixOptions['by']): Html {
  const { columns } = matrix
  const names = Array.isArray(columns) ? columns.map((name: unknown) => text(name) ?? 'no role') : []
  return html`<div class="wide-table" tabindex="0" role="region" aria-label="Who may use what">
    <table class="matrix">
      <thead>
        <tr>
          <th scope="col">${by === 'roles' ? 'Tool' : 'Agent'}</th>
          ${names.map((name) => html`<th scope="col" class="tick">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${found.map(
          (row) =>
            html`<tr>
              <th scope="row">${text(row['name']) ?? 'any other agent'}</th>
              ${rows(row['cells']).map(cell)}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function cell(shown: JsonObject): Html {
  const effect = text(object(shown)['effect']) ?? 'deny'
  const [mark, meaning] = MARKS[effect] ?? ['–', 'may not']
  const tools = amount(shown['tools'])
  const of = amount(shown['of'])
  const part = tools !== undefined && of !== undefined && tools < of ? `${tools} of ${of} tools` : undefined
  const rule = text(shown['ruleId'])
  return html`<td class="tick ${effect}" ${attribute('title', effect === 'deny' ? rule : part)}>
    <span aria-hidden="true">${mark}</span><span class="hidden">${part ?? meaning}</span>
  </td>`
}
