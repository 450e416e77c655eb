import type { JsonObject } from '../../../domain/json/json.ts'
import { attribute, html, type Html } from '../../../domain/text/html.ts'
import { pageHead, panel } from '../../markup/parts.ts'
import { clockTime } from '../../markup/values.ts'
import { rows, text } from '../../visit/reading.ts'
import { segment } from '../../visit/rest-client.ts'
import type { Page } from '../../markup/page.ts'
import type { Visit } from '../../visit/visit.ts'

const LINES = 200

/** What the processes of a server wrote, on a page of its own. */
export async function logsPage(visit: Visit): Promise<Page> {
  const name = visit.params['name'] ?? ''
  const body = html`${pageHead(`Log of ${name}`, {
    back: html`<a href="${visit.look.at(`/dashboard/servers/${segment(name)}${suffix(visit)}`)}">${name}</a>`,
  })}${await logPanel(visit)}`
  return { title: `Log of ${name}`, section: 'servers', body }
}

/** What the processes of a server wrote most recently, kept up to date. */
export async function logPanel(visit: Visit): Promise<Html> {
  const { rest, look, params } = visit
  const path = `/servers/${segment(params['name'] ?? '')}/logs`
  const tenantId = visit.query.get('tenantId') === '*' ? '*' : undefined
  const lines = rows((await rest.getIfAllowed(`/v1${path}`, { lines: LINES, tenantId }))?.['lines'])
  const here = look.at(`/dashboard${path}${suffix(visit)}`)
  return panel(
    'Log',
    html`<div
      id="log"
      data-live
      hx-get="${here}"
      hx-trigger="every 2s"
      hx-select="#log"
      hx-swap="outerMorph ignoreTitle:true"
    >
      <ol class="log" tabindex="0" aria-label="Log">
        ${lines.length === 0 ? html`<li>Nothing was written yet.</li>` : lines.map((line) => logLine(line, look.nowMs))}
      </ol>
    </div>`,
    { aside: 'Standard error of its processes, live' },
  )
}

function logLine({ at, by, text: said }: JsonObject, nowMs: number): Html {
  return html`<li${attribute('class', by === 'gateway' ? 'gateway' : undefined)}>${clockTime(
    text(at) ?? '',
    nowMs,
  )}<span>${text(said)}</span></li>`
}

function suffix({ query }: Visit): string {
  return query.get('tenantId') === '*' ? '?tenantId=*' : ''
}
