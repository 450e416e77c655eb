import type { JsonObject } from '../../domain/json/json.ts'
import { html, type Html, type Part } from '../../domain/text/html.ts'
import { pageForm } from '../markup/forms.ts'
import type { Page } from '../markup/page.ts'
import { empty, live, notice, pageHead, panel } from '../markup/parts.ts'
import { table } from '../markup/table.ts'
import { ago, count, distance } from '../markup/values.ts'
import { amount, rows, text, texts } from '../visit/reading.ts'
import { segment } from '../visit/rest-client.ts'
import { problemNotice } from '../visit/problem-notice.ts'
import { hasRole, type PageRoute, type Visit } from '../visit/visit.ts'

/** Who is connected, and which clients people have allowed. */
export function sessionPages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/sessions', answer: (visit) => sessionsPage(visit) },
    { method: 'post', path: '/sessions', answer: end },
  ]
}

async function end(visit: Visit): Promise<Page> {
  const { form, rest } = visit
  const [kind, id] = [form.get('kind') === 'grant' ? 'grants' : 'sessions', form.get('id') ?? '']
  try {
    await rest.delete(`/v1/${kind}/${segment(id)}`)
    return await sessionsPage(
      visit,
      notice('good', kind === 'grants' ? 'The client has no access any more' : 'The session has ended'),
    )
  } catch (error) {
    return sessionsPage(visit, problemNotice(error))
  }
}

async function sessionsPage(visit: Visit, said?: Part): Promise<Page> {
  const { rest, look } = visit
  const [open, granted] = await Promise.all([rest.get('/v1/sessions'), rest.getIfAllowed('/v1/grants')])
  const sessions = rows(open['sessions'])
  const here = look.at('/dashboard/sessions')
  const isOperator = hasRole(visit, 'operator')
  const body = html`
    ${pageHead('Sessions', {
      about: isOperator
        ? 'Every client that is connected to this process for this tenant.'
        : 'Your clients that are connected now.',
    })}
    <div id="outcome" class="stack">${said}</div>
    ${live(
      html`
        ${panel(
          'Connected now',
          sessions.length === 0
            ? empty(
                'No client is connected',
                'Clients of 2026-07-28 need no session: they are in the activity only.',
              )
            : sessionTable(sessions, visit, here),
        )}
      `,
      { address: here, seconds: 5 },
    )}
    ${granted !== undefined && panel(isOperator ? 'Clients that people allowed' : 'Clients that you allowed', grantTable(rows(granted['grants']), visit, here))}
  `
  return { title: 'Sessions', section: 'sessions', body }
}

function sessionTable(sessions: readonly JsonObject[], visit: Visit, here: string): Html {
  return table(
    'Open sessions',
    [
      { title: 'Person', kind: 'main', cell: ({ subject }) => text(subject) },
      { title: 'Agent', cell: ({ agent }) => text(agent) },
      { title: 'From', cell: ({ address }) => text(address) },
      { title: 'Transport', cell: ({ transport }) => text(transport) },
      { title: 'Roles', cell: ({ roles }) => texts(roles).join(', ') },
      { title: 'Streams', kind: 'number', cell: ({ openStreams }) => count(amount(openStreams) ?? 0) },
      { title: 'Idle', kind: 'number', cell: ({ idleMs }) => distance(amount(idleMs) ?? 0) },
      { title: 'End', kind: 'actions', cell: (session) => endForm(visit, here, 'session', session, 'End') },
    ],
    sessions,
  )
}

function grantTable(grants: readonly JsonObject[], visit: Visit, here: string): Html {
  if (grants.length === 0)
    return empty('No client was allowed yet', 'A client asks you when it connects for the first time.')
  return table(
    'Clients that were allowed',
    [
      {
        title: 'Client',
        kind: 'main',
        cell: (grant) => text(grant['clientName']) ?? text(grant['clientId']),
      },
      { title: 'Person', cell: ({ subject }) => text(subject) },
      { title: 'May', cell: ({ scopes }) => texts(scopes).join(', ') },
      {
        title: 'Allowed',
        kind: 'number',
        cell: (grant) => ago(text(grant['createdAt']), visit.look.nowMs),
      },
      {
        title: 'Last used',
        kind: 'number',
        cell: ({ lastUsedAt }) => ago(text(lastUsedAt), visit.look.nowMs),
      },
      {
        title: 'Withdraw',
        kind: 'actions',
        cell: (grant) => endForm(visit, here, 'grant', grant, 'Withdraw'),
      },
    ],
    grants,
  )
}

// oxlint-disable-next-line max-params
function endForm(visit: Visit, here: string, kind: string, { id }: JsonObject, title: string): Html {
  const name = text(id) ?? ''
  return pageForm(
    visit,
    { action: here },
    html`<input type="hidden" name="kind" value="${kind}" /><input type="hidden" name="id" value="${name}" />
      <button class="danger" type="submit" aria-label="${title} ${kind} ${name}">${title}</button>`,
  )
}
