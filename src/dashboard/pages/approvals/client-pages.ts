import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html, type Part } from '../../../domain/text/html.ts'
import { pageForm } from '../../markup/forms.ts'
import { csrfField } from '../../markup/layout.ts'
import type { Page } from '../../markup/page.ts'
import { empty, live, notice, pageHead, panel, state, type Tone } from '../../markup/parts.ts'
import { type Column, table } from '../../markup/table.ts'
import { ago } from '../../markup/values.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { rows, text } from '../../visit/reading.ts'
import { segment } from '../../visit/rest-client.ts'
import { hasRole, type PageRoute, type Visit } from '../../visit/visit.ts'

const AT = '/dashboard/approvals/clients'
const TONES: Readonly<Record<string, Tone>> = { waiting: 'busy', approved: 'good', denied: 'bad' }

type Decision = 'approved' | 'denied'

/** The programs that people of the tenant want to use, and approving or denying each. */
export function clientPages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/approvals/clients', answer: (visit) => page(visit) },
    { method: 'post', path: '/approvals/clients', answer: decide },
  ]
}

/** What operators see of clients on the page of all approvals; nothing where the gateway has no authorization server. */
export async function clientsInShort(
  visit: Visit,
): Promise<{ readonly link?: Html; readonly waiting?: Html }> {
  if (!hasRole(visit, 'operator')) return {}
  const { rest, look } = visit
  const found = await rest.getIfAllowed('/v1/clients')
  if (found === undefined) return {}
  const link = html`<a class="button" href="${look.at(AT)}">Clients</a>`
  const clients = rows(found['clients']).filter(isWaiting)
  if (clients.length === 0) return { link }
  const linked = (client: JsonObject): Html => html`<a href="${look.at(AT)}">${nameOf(client)}</a>`
  const columns: Column<JsonObject>[] = [
    { title: 'Client', kind: 'main', cell: linked },
    { title: 'Agent', cell: ({ agent }) => text(agent) },
    { title: 'Asked by', cell: ({ askedBy }) => text(askedBy) },
    { title: 'Asked', kind: 'number', cell: ({ changedAt }) => ago(text(changedAt), look.nowMs) },
  ]
  return { link, waiting: panel('Clients', table('Clients that wait for approval', columns, clients)) }
}

async function page(visit: Visit, said?: Part): Promise<Page> {
  const { rest, look } = visit
  const clients = rows((await rest.get('/v1/clients'))['clients'])
  const waiting = clients.filter(isWaiting)
  const others = clients.filter((client) => !isWaiting(client))
  const body = html`
    ${pageHead('Clients', {
      back: html`<a href="${look.at('/dashboard/approvals')}">Approvals</a>`,
      about: 'Programs that the people of this tenant want to use. Denying one ends all that it was allowed.',
    })}
    <div id="outcome" class="stack">${said}</div>
    ${live(
      html`
        ${panel('Waiting', waiting.length === 0 ? nobodyWaits() : waitingTable(waiting, visit))}
        ${others.length > 0 && panel('Decided', decidedTable(others, visit))}
      `,
      { address: look.at(AT), seconds: 5 },
    )}
    ${panel('Approve a client before anybody asks', addressForm(visit))}
  `
  return { title: 'Clients', section: 'approvals', body }
}

function nobodyWaits(): Html {
  return empty(
    'No client waits for approval',
    html`Clients do where the document of the tenant says <code>clientApproval: operator</code>.`,
  )
}

async function decide(visit: Visit): Promise<Page> {
  const { form, rest } = visit
  const clientId = (form.get('client') ?? '').trim()
  const decision: Decision = form.get('decision') === 'approve' ? 'approved' : 'denied'
  try {
    const client = await rest.put(`/v1/clients/${segment(clientId)}`, { state: decision })
    return await page(visit, outcome(client, decision))
  } catch (error) {
    return page(visit, problemNotice(error))
  }
}

function outcome(client: JsonObject, decision: Decision): Html {
  const name = nameOf(client)
  return decision === 'approved'
    ? notice('good', `You approved ${name}`, html`<p>Everybody in the tenant can connect with it now.</p>`)
    : notice('calm', `You denied ${name}`, html`<p>What it was allowed has ended.</p>`)
}

function waitingTable(clients: readonly JsonObject[], visit: Visit): Html {
  const columns: Column<JsonObject>[] = [
    ...whoItIs(),
    { title: 'Asked by', cell: ({ askedBy }) => text(askedBy) },
    { title: 'Asked', kind: 'number', cell: ({ changedAt }) => ago(text(changedAt), visit.look.nowMs) },
    { title: 'Decide', kind: 'actions', cell: (client) => decisionForm(client, visit) },
  ]
  return table('Clients that wait', columns, clients)
}

function decidedTable(clients: readonly JsonObject[], visit: Visit): Html {
  const columns: Column<JsonObject>[] = [
    ...whoItIs(),
    { title: 'State', cell: stateOf },
    { title: 'By', cell: ({ decidedBy }) => text(decidedBy) },
    { title: 'Since', kind: 'number', cell: ({ changedAt }) => ago(text(changedAt), visit.look.nowMs) },
    { title: 'Decide', kind: 'actions', cell: (client) => decisionForm(client, visit) },
  ]
  return table('Clients that were decided on', columns, clients)
}

function whoItIs(): Column<JsonObject>[] {
  return [
    { title: 'Client', kind: 'main', cell: (client) => html`${nameOf(client)} ${originOf(client)}` },
    { title: 'Agent', cell: ({ agent }) => html`<code>${text(agent)}</code>` },
  ]
}

/** Who vouches for the name. */
function originOf({ publisher, clientId }: JsonObject): Html {
  const host = text(publisher)
  return host === undefined
    ? html`<span class="note">registered itself: anybody can take this name · ${text(clientId)}</span>`
    : html`<span class="note">published by ${host}</span>`
}

function decisionForm(client: JsonObject, visit: Visit): Html {
  const is = client['state']
  return pageForm(
    visit,
    { action: visit.look.at(AT), className: 'row' },
    html`<input type="hidden" name="client" value="${text(client['clientId'])}" />
      ${is !== 'approved' && button('approve', client)} ${is !== 'denied' && button('deny', client)}`,
  )
}

function button(decision: 'approve' | 'deny', client: JsonObject): Html {
  const [title, tone] = decision === 'approve' ? ['Approve', 'primary'] : ['Deny', 'danger']
  const label = `${title} ${nameOf(client)}`
  return html`<button class="${tone}" type="submit" name="decision" value="${decision}" aria-label="${label}">
    ${title}
  </button>`
}

function addressForm({ csrfToken, look }: Visit): Html {
  return html`<form class="stack narrow" method="post" action="${look.at(AT)}">
    ${csrfField(csrfToken)}<input type="hidden" name="decision" value="approve" />
    <label class="field"
      ><span>Address of its metadata document</span
      ><input
        name="client"
        type="url"
        required
        maxlength="256"
        placeholder="https://app.example/client.json"
        autocomplete="off"
    /></label>
    <p class="hint">
      That covers everybody who uses it. A client that registers itself has another id on each computer.
    </p>
    <div class="row"><button type="submit">Approve</button></div>
  </form>`
}

function stateOf({ state: is }: JsonObject): Html {
  const name = text(is) ?? ''
  return state(name, TONES[name])
}

function isWaiting({ state: is }: JsonObject): boolean {
  return is === 'waiting'
}

function nameOf({ clientName, clientId }: JsonObject): string {
  return text(clientName) ?? text(clientId) ?? ''
}
