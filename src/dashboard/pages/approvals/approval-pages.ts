import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html, type Part } from '../../../domain/text/html.ts'
import type { Page } from '../../markup/page.ts'
import { empty, live, notice, pageHead, panel } from '../../markup/parts.ts'
import { table } from '../../markup/table.ts'
import { ago } from '../../markup/values.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { object, rows, text } from '../../visit/reading.ts'
import { segment } from '../../visit/rest-client.ts'
import type { PageRoute, Visit } from '../../visit/visit.ts'
import { clientPages, clientsInShort } from './client-pages.ts'
import { waitingDefinitions } from './definition-list.ts'
import { definitionPages } from './definition-pages.ts'
import { onePage, statusOf } from './one-approval.ts'

/** The calls that wait for a person's yes, and each of them with its arguments; definitions of tools, and clients. */
export function approvalPages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/approvals', answer: (visit) => listPage(visit) },
    ...definitionPages(),
    ...clientPages(),
    { method: 'get', path: '/approvals/:id', answer: (visit) => showPage(visit) },
    { method: 'post', path: '/approvals/:id', answer },
  ]
}

async function listPage(visit: Visit): Promise<Page> {
  const { rest, look } = visit
  const [definitions, clients] = await Promise.all([waitingDefinitions(visit), clientsInShort(visit)])
  const found = rows((await rest.get('/v1/approvals', { status: 'all' }))['approvals'])
  const waiting = found.filter(({ status }) => status === 'open')
  const answered = found.filter(({ status }) => status !== 'open')
  const here = look.at('/dashboard/approvals')
  const body = html`
    ${pageHead('Approvals', {
      about:
        'Calls of tools that are made only after a person has said yes, definitions of tools that changed, and new clients.',
      ...(clients.link && { actions: clients.link }),
    })}
    ${live(
      html`
        ${panel(
          'Calls that wait',
          waiting.length === 0
            ? empty('No call waits for approval', 'Documents of servers say which tools need one.')
            : requestTable(waiting, look),
        )}
        ${definitions} ${clients.waiting}
        ${answered.length > 0 && panel('Answered lately', requestTable(answered, look))}
      `,
      { address: here, seconds: 5 },
    )}
  `
  return { title: 'Approvals', section: 'approvals', body }
}

function requestTable(requests: readonly JsonObject[], look: Visit['look']): Html {
  return table(
    'Requests for approval',
    [
      { title: 'Tool', kind: 'main', cell: (each) => linkTo(each, look) },
      { title: 'Server', cell: ({ server }) => text(server) },
      { title: 'For', cell: ({ requester }) => text(object(requester)['subject']) },
      { title: 'Agent', kind: 'minor', cell: ({ requester }) => text(object(requester)['agent']) },
      { title: 'State', cell: (each) => statusOf(each) },
      { title: 'Answered by', kind: 'minor', cell: (each) => text(object(each['answer'])['by']) },
      { title: 'Asked', kind: 'number', cell: (each) => ago(text(each['createdAt']), look.nowMs) },
    ],
    requests,
  )
}

function linkTo({ id, tool }: JsonObject, look: Visit['look']): Html {
  return html`<a href="${look.at(`/dashboard/approvals/${segment(text(id) ?? '')}`)}">${text(tool)}</a>`
}

async function showPage(visit: Visit, said?: Part): Promise<Page> {
  const request = await visit.rest.get(`/v1/approvals/${segment(visit.params['id'] ?? '')}`)
  return onePage(visit, request, said)
}

async function answer(visit: Visit): Promise<Page> {
  const { rest, form, params } = visit
  const isYes = form.get('answer') === 'approve'
  const reason = form.get('reason') ?? ''
  try {
    await rest.post(
      `/v1/approvals/${segment(params['id'] ?? '')}/${isYes ? 'approve' : 'deny'}`,
      reason === '' ? {} : { reason },
    )
    const title = isYes ? 'You approved the call' : 'You denied the call'
    const more = isYes ? 'It can be made once now. You can close this page.' : 'It is not made.'
    return await showPage(visit, notice(isYes ? 'good' : 'calm', title, html`<p>${more}</p>`))
  } catch (error) {
    return showPage(visit, problemNotice(error))
  }
}
