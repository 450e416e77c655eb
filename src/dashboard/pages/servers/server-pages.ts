import type { CallHistory } from '../../../telemetry/metrics/call-history.ts'
import { historyCharts } from '../../charts/history-charts.ts'
import { html, type Html, type Part } from '../../../domain/text/html.ts'
import { empty, facts, live, notice, pageHead, panel, state } from '../../markup/parts.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { table } from '../../markup/table.ts'
import { ago, count, counted } from '../../markup/values.ts'
import { segment } from '../../visit/rest-client.ts'
import { rows, text } from '../../visit/reading.ts'
import type { Page } from '../../markup/page.ts'
import type { Answer, PageRoute, Visit } from '../../visit/visit.ts'
import { inspectionPanel } from './inspection.ts'
import { instanceTable } from './instance-table.ts'
import { serverActions } from './server-actions.ts'
import { logPanel, logsPage } from './server-logs.ts'
import {
  agentsOf,
  instancesText,
  needsAttention,
  restartsOf,
  rolesOf,
  type ServerRow,
  serverPath,
  serverRow,
  stateOfServer,
} from './server-row.ts'

const ACTIONS = { start: 'started', stop: 'stopped', restart: 'restarted' } as const
type Action = keyof typeof ACTIONS

/** The servers of the tenant: what they do, and what can be done with them. */
export function serverPages({ history }: { history: CallHistory }): readonly PageRoute[] {
  const show = (visit: Visit, said?: Part): Promise<Page> => serverPage(visit, history, said)
  return [
    { method: 'get', path: '/servers', answer: listPage },
    { method: 'get', path: '/servers/:name', answer: (visit) => show(visit) },
    { method: 'post', path: '/servers/:name', answer: (visit) => act(visit, show) },
    { method: 'get', path: '/servers/:name/logs', answer: logsPage },
  ]
}

async function listPage({ rest, look }: Visit): Promise<Page> {
  const listed = await rest.get('/v1/servers')
  const servers = rows(listed['servers']).map(serverRow)
  const quarantined = rows(listed['quarantined'])
  const body = html`
    ${pageHead('Servers', {
      about: 'Every MCP server of this tenant, and those for all tenants.',
      actions: html`<a class="button primary" href="${look.at('/dashboard/add-server')}">Add a server</a>`,
    })}
    ${live(
      html`
        ${quarantined.map((document) =>
          notice(
            'busy',
            `The document ${text(document['name']) ?? 'without a name'} is refused`,
            html`<p>${text(document['reason'])}</p>`,
          ),
        )}
        <section class="panel">
          ${
            servers.length === 0
              ? empty('There are no servers yet', 'Add one from its address or from an npm package.')
              : serverTable(servers, look)
          }
        </section>
      `,
      { address: look.at('/dashboard/servers'), seconds: 3 },
    )}
  `
  return { title: 'Servers', section: 'servers', body }
}

function serverTable(servers: readonly ServerRow[], look: Visit['look']): Html {
  return table(
    'Servers',
    [
      {
        title: 'Server',
        kind: 'main',
        cell: (server) =>
          html`<a href="${look.at(serverPath(server))}">${server.name}</a>${
              server.description && html`<span class="note">${server.description}</span>`
            }`,
      },
      { title: 'State', cell: stateOfServer },
      { title: 'Transport', cell: ({ transport }) => transport },
      { title: 'Instances', cell: instancesText },
      { title: 'Tools', kind: 'number', cell: ({ tools }) => (tools === undefined ? '–' : count(tools)) },
      { title: 'Restarts', kind: 'number', cell: (server) => count(restartsOf(server)) },
      { title: 'Since', kind: 'number', cell: ({ since }) => ago(since, look.nowMs) },
    ],
    servers,
  )
}

async function act(visit: Visit, show: (visit: Visit, said?: Part) => Promise<Page>): Promise<Answer> {
  const { rest, params, form } = visit
  const action = form.get('action')
  try {
    if (action === 'remove') {
      const { etag } = await rest.find(restPath(visit))
      await rest.delete(restPath(visit), etag)
      return { to: '/dashboard/servers' }
    }
    if (action === 'inspect') {
      const found = await rest.post(restPath(visit, '/inspect'))
      return await show(visit, inspectionPanel(found))
    }
    if (!isAction(action)) return await show(visit)
    await rest.post(restPath(visit, `/${action}`))
    return await show(visit, notice('good', `${params['name'] ?? ''} is being ${ACTIONS[action]}`))
  } catch (error) {
    return show(visit, problemNotice(error))
  }
}

function isAction(value: string | null): value is Action {
  return value !== null && Object.hasOwn(ACTIONS, value)
}

/** The path of REST for the server of a page. */
export function restPath({ params, query }: Visit, more = ''): string {
  const isForAll = query.get('tenantId') === '*'
  return `/v1/servers/${segment(params['name'] ?? '')}${more}${isForAll ? '?tenantId=*' : ''}`
}

async function serverPage(visit: Visit, history: CallHistory, said?: Part): Promise<Page> {
  const { rest, look, identity } = visit
  const [shown, listed] = await Promise.all([rest.get(restPath(visit)), rest.get('/v1/servers')])
  const document = visit.query.get('tenantId')
  const found = rows(listed['servers']).find(
    (each) => each['name'] === shown['name'] && each['tenantId'] === shown['tenantId'],
  )
  const server = serverRow({ ...shown, ...found })
  const path = look.at(serverPath({ name: server.name, isForAll: document === '*' || server.isForAll }))
  const hour = history.of(identity.principal.tenantId, server.name)
  const body = html`
    ${pageHead(server.name, {
      back: html`<a href="${look.at('/dashboard/servers')}">Servers</a>`,
      about: server.description,
      actions: serverActions(server, visit, path),
    })}
    <div id="outcome" class="stack">${said}</div>
    ${live(
      html`
        ${panel('State', stateFacts(server, text(shown['quarantined']), visit))}
        ${panel('Instances', instanceTable(server.instances))}
        ${panel('Last hour', historyCharts(hour), { aside: `${counted(hour.whole.calls, 'call')}, of this process` })}
      `,
      { address: path, seconds: 3 },
    )}
    ${server.transport === 'stdio' && (await logPanel(visit))}
  `
  return { title: server.name, section: 'servers', body }
}

function stateFacts(server: ServerRow, refused: string | undefined, { look }: Visit): Html {
  const { name, since, reason, breaker, transport, tools, resources, prompts, problems, warnings } = server
  return html`
    ${reason && needsAttention(server) && notice('bad', 'Why it fails', html`<p>${reason}</p>`)}
    ${refused && notice('bad', 'The document of this server is refused', html`<p>${refused}</p>`)}
    ${facts([
      ['State', stateOfServer(server)],
      ['Since', ago(since, look.nowMs)],
      ['Why', !needsAttention(server) && reason],
      ['Transport', transport],
      ['Circuit breaker', breaker && state(breaker)],
      ['Restarts', count(restartsOf(server))],
      [
        'Tools',
        tools !== undefined &&
          html`<a href="${look.at(`/dashboard/tools?server=${segment(name)}`)}"
            >${counted(tools, 'tool')}</a
          >`,
      ],
      ['Resources', resources],
      ['Prompts', prompts],
      ['Roles', rolesOf(server.document)],
      ['Agents', agentsOf(server.document)],
      ['For all tenants', server.isForAll && 'yes'],
    ])}
    ${problems.length > 0 && list('What the gateway does not use of it', problems)}
    ${warnings.length > 0 && list('Warnings', warnings)}
  `
}

function list(title: string, entries: readonly string[]): Html {
  return notice(
    'busy',
    title,
    html`<ul>
      ${entries.map((entry) => html`<li>${entry}</li>`)}
    </ul>`,
  )
}
