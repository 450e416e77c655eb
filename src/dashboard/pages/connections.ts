import type { JsonObject } from '../../domain/json/json.ts'
import { html, type Html, type Part } from '../../domain/text/html.ts'
import { csrfField } from '../markup/layout.ts'
import type { Page } from '../markup/page.ts'
import { empty, notice, pageHead, panel, state } from '../markup/parts.ts'
import { table } from '../markup/table.ts'
import { ago } from '../markup/values.ts'
import { rows, text, texts } from '../visit/reading.ts'
import { segment } from '../visit/rest-client.ts'
import { problemNotice } from '../visit/problem-notice.ts'
import { hasRole, type PageRoute, type Visit } from '../visit/visit.ts'

/** The accounts of people at servers. */
export function connectionPages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/connections', answer: (visit) => connectionsPage(visit) },
    { method: 'post', path: '/connections', answer: disconnect },
  ]
}

async function disconnect(visit: Visit): Promise<Page> {
  const { form, rest } = visit
  const subject = form.get('subject') ?? ''
  const query = subject === '' ? '' : `?subject=${encodeURIComponent(subject)}`
  try {
    await rest.delete(`/v1/connections/${segment(form.get('server') ?? '')}${query}`)
    return await connectionsPage(visit, notice('good', 'The account is disconnected'))
  } catch (error) {
    return connectionsPage(visit, problemNotice(error))
  }
}

async function connectionsPage(visit: Visit, said?: Part): Promise<Page> {
  const { rest } = visit
  const found = await rest.getIfAllowed('/v1/connections')
  const own = rows(found?.['connections'])
  const all =
    found !== undefined && hasRole(visit, 'operator')
      ? rows((await rest.getIfAllowed('/v1/connections', { of: 'tenant' }))?.['connections'])
      : []
  const body = html`
    ${pageHead('Connections', {
      about:
        'Accounts at servers, with which the gateway calls them for a person. Their tokens are never shown, not even here.',
    })}
    <div id="outcome" class="stack">${said}</div>
    ${panel(
      'Your accounts',
      own.length === 0
        ? empty('No server asks for an account of yours', 'Servers do with auth: oauth in their document.')
        : connectionTable(own, visit, true),
    )}
    ${all.length > 0 && panel('Everybody in the tenant', connectionTable(all, visit, false))}
  `
  return { title: 'Connections', section: 'connections', body }
}

function connectionTable(connections: readonly JsonObject[], visit: Visit, isOwn: boolean): Html {
  const { nowMs } = visit.look
  return table(
    isOwn ? 'Your accounts at servers' : 'Accounts of the tenant at servers',
    [
      { title: 'Server', kind: 'main', cell: ({ server }) => text(server) },
      ...(isOwn
        ? []
        : [{ title: 'Person', cell: ({ subject }: JsonObject) => text(subject) ?? 'the tenant' }]),
      { title: 'State', cell: (each) => stateOf(text(each['state'])) },
      { title: 'Account', cell: ({ account }) => text(account) },
      { title: 'Scopes', cell: ({ scopes }) => texts(scopes).join(', ') },
      { title: 'Last used', kind: 'number' as const, cell: ({ lastUse }) => ago(text(lastUse), nowMs) },
      { title: 'Connect', kind: 'actions' as const, cell: (each) => action(each, visit) },
    ],
    connections,
  )
}

function stateOf(name = 'not_connected'): Html {
  return state(name, name === 'connected' ? 'good' : name === 'not_connected' ? 'calm' : 'bad')
}

function action(connection: JsonObject, { csrfToken, look }: Visit): Html {
  const server = text(connection['server']) ?? ''
  const link = text(connection['connectUrl'])
  if (connection['state'] !== 'connected' && link !== undefined)
    return html`<a class="button" href="${look.at(`/connect/${segment(server)}`)}">Connect</a>`
  return html`<form method="post" action="${look.at('/dashboard/connections')}">
    ${csrfField(csrfToken)}<input type="hidden" name="server" value="${server}" /><input
      type="hidden"
      name="subject"
      value="${text(connection['subject']) ?? ''}"
    />
    <button class="danger" type="submit" aria-label="Disconnect ${server}">Disconnect</button>
  </form>`
}
