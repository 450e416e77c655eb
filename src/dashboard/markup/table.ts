import { attribute, html, type Html, type Part } from '../../domain/text/html.ts'

/** What no column has room for: it may break anywhere. */
const LONG_WORD = /\S{25}/
const TAG = /<[^<>]*>/g

/** One column of a table. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => Part
  /**
   * `number`: aligned at the right; `main`: names the row; `wide`: a text that needs room; `actions`: its title is for
   * screen readers only; `minor`: left out on a phone.
   */
  readonly kind?: 'number' | 'main' | 'wide' | 'actions' | 'minor' | 'number minor'
}

/**
 * A table that becomes one card for each row where it is narrow. The roles are those that the elements have: style
 * sheets that change the display of tables take them away.
 * @param caption what the table is, for those who do not see it
 */
export function table<Row>(caption: string, columns: readonly Column<Row>[], rows: readonly Row[]): Html {
  return html`<table class="cards" role="table">
    <caption class="hidden">
      ${caption}
    </caption>
    <thead role="rowgroup">
      <tr role="row">
        ${columns.map(heading)}
      </tr>
    </thead>
    <tbody role="rowgroup">
      ${rows.map(
        (row) =>
          html`<tr role="row">
            ${columns.map((column) => cell(column, row))}
          </tr>`,
      )}
    </tbody>
  </table>`
}

function heading<Row>({ title, kind }: Column<Row>): Html {
  const text = kind === 'actions' ? html`<span class="hidden">${title}</span>` : title
  return html`<th role="columnheader" scope="col" ${attribute('class', kind)}>${text}</th>`
}

function cell<Row>({ title, kind, cell: shown }: Column<Row>, row: Row): Html {
  if (kind === 'main') return html`<th role="rowheader" scope="row" class="main">${shown(row)}</th>`
  const part = html`${shown(row)}`
  const names = [kind, LONG_WORD.test(part.toString().replace(TAG, '')) && 'long'].filter(Boolean).join(' ')
  const label = attribute('data-label', kind === 'actions' ? '' : title)
  // Without a blank in it a cell that has nothing is empty for the style sheet, which leaves it out on a phone.
  return html`<td role="cell" ${attribute('class', names || undefined)}${label}>${part}</td>`
}
