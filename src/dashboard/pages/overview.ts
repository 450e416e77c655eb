import { type CallHistory, type History, STEP_MS } from '../../telemetry/metrics/call-history.ts'
import { failuresOf, failureShare, historyCharts, serverFailureShare } from '../charts/history-charts.ts'
import { html, type Html } from '../../domain/text/html.ts'
import { empty, figure, live, pageHead, panel, state } from '../markup/parts.ts'
import { table } from '../markup/table.ts'
import { ago, count, counted, duration } from '../markup/values.ts'
import { attention } from './attention.ts'
import { amount, rows, text } from '../visit/reading.ts'
import type { Page } from '../markup/page.ts'
import { hasRole, type PageRoute, type Visit } from '../visit/visit.ts'
import {
  instancesText,
  needsAttention,
  restartsOf,
  type ServerRow,
  serverPath,
  serverRow,
  stateOfServer,
} from './servers/server-row.ts'

/** Who has to act on failures, as people say it. */
const OWNERS = [
  ['upstream', 'Servers', 'They did not answer, or answered with an error'],
  ['client', 'Callers', 'Wrong arguments, unknown tools, missing rights, limits'],
  ['config', 'Configuration', 'The registry or a setting has to change'],
  ['gateway', 'Gateway', 'A fault or an overload of the gateway itself'],
] as const

/** Five minutes. */
const RECENT_STEPS = 10

/** `/dashboard`: how everything is, at a glance. */
export function overviewPages({ history }: { history: CallHistory }): readonly PageRoute[] {
  return [
    {
      method: 'get',
      path: '/',
      answer: (visit) => (hasRole(visit, 'operator') ? forOperators(visit, history) : forOthers(visit)),
    },
  ]
}

async function forOperators(visit: Visit, history: CallHistory): Promise<Page> {
  const { tenantId } = visit.identity.principal
  const [listed, sessions, chain, approvals, pins] = await Promise.all([
    visit.rest.get('/v1/servers'),
    visit.rest.getIfAllowed('/v1/sessions'),
    visit.rest.getIfAllowed('/v1/audit/chain'),
    visit.rest.getIfAllowed('/v1/approvals', { status: 'open' }),
    visit.rest.getIfAllowed('/v1/pins', { state: 'waiting', limit: 1 }),
  ])
  const waiting = {
    calls: rows(approvals?.['approvals']).length,
    definitions: rows(pins?.['waiting']).reduce((sum, { tools }) => sum + (amount(tools) ?? 0), 0),
  }
  const servers = rows(listed['servers']).map(serverRow)
  const quarantined = rows(listed['quarantined'])
  const hour = history.of(tenantId)
  const body = html`
    ${live(
      html`
        ${pageHead('Overview', { about: headline(servers, quarantined.length) })}
        ${attention({ servers, quarantined, waiting }, visit)}
        ${figures(servers, hour, sessions && rows(sessions['sessions']).length, chain && recordsFigure(chain, visit))}
        ${panel('Last hour', historyCharts(hour), { aside: 'Of this process' })}
        ${panel(
          'Servers',
          serverTable(servers, visit, (server) => history.of(tenantId, server.name)),
        )}
        ${panel('Failed calls by who has to act', ownerTable(hour), { aside: 'Last hour' })}
      `,
      { address: visit.look.at('/dashboard'), seconds: 3 },
    )}
  `
  return { title: 'Overview', section: 'overview', body }
}

/** The page for people without the role of an operator: their own servers, and links. */
async function forOthers({ rest, look }: Visit): Promise<Page> {
  const health = await rest.health('/health')
  const servers = rows(health['servers'])
  const body = html`
    ${pageHead('Overview', {
      about: 'The servers whose tools you can use.',
      actions: html`<a class="button primary" href="${look.at('/dashboard/tools')}">Your tools</a>`,
    })}
    ${panel(
      'Servers',
      servers.length === 0
        ? empty('You cannot use any server yet', 'An operator decides which roles a server needs.')
        : table(
            'Servers that you can use',
            [
              { title: 'Server', kind: 'main', cell: ({ name }) => text(name) },
              { title: 'State', cell: (server) => state(text(server['state']) ?? 'stopped') },
              {
                title: 'Tools',
                kind: 'number',
                cell: ({ tools }) => (typeof tools === 'number' ? count(tools) : '–'),
              },
            ],
            servers,
          ),
    )}
  `
  return { title: 'Overview', section: 'overview', body }
}

function headline(servers: readonly ServerRow[], quarantined: number): string {
  const enabled = servers.filter(({ isEnabled }) => isEnabled)
  const ready = enabled.filter((server) => server.state === 'ready' && !needsAttention(server)).length
  const refused = quarantined === 0 ? '' : `, ${counted(quarantined, 'document')} refused`
  if (enabled.length === 0) return `No server is enabled${refused}.`
  return `${ready === enabled.length ? `All ${counted(ready, 'server')} ready` : `${ready} of ${counted(enabled.length, 'server')} ready`}${refused}.`
}

function recordsFigure({ isDelivering, signedAt }: Record<string, unknown>, { look }: Visit): Html {
  const at = ago(text(signedAt), look.nowMs)
  const name = html`<a href="${look.at('/dashboard/activity')}">Usage records</a>`
  if (isDelivering === false)
    return figure(name, 'waiting', 'the store takes none; they are kept on disk', 'bad')
  return figure(name, at === undefined ? 'kept' : 'signed', at ?? 'not signed yet')
}

// oxlint-disable-next-line max-params
function figures(
  servers: readonly ServerRow[],
  { whole, steps }: History,
  sessions: number | undefined,
  records: Html | undefined,
): Html {
  const recent = perMinute(steps)
  const failed = failuresOf(whole)
  const restarts = servers.reduce((sum, server) => sum + restartsOf(server), 0)
  const open = servers.filter(({ breaker }) => breaker === 'open').length
  return html`<dl class="figures">
    ${figure('Calls per minute', recent < 10 ? recent.toFixed(1) : count(Math.round(recent)), 'last 5 minutes')}
    ${figure('Failed', failureShare(whole), `${count(failed)} of ${count(whole.calls)} in an hour`)}
    ${figure('Latency, p95', duration(whole.p95), `half within ${duration(whole.p50)}`)}
    ${sessions !== undefined && figure('Open sessions', count(sessions), 'of clients')}
    ${figure('Restarts', count(restarts), open === 0 ? 'no circuit breaker is open' : html`${counted(open, 'circuit breaker')} open`)}
    ${records}
  </dl>`
}

/** Over the last five minutes, or since the first call where that is less. */
function perMinute(steps: History['steps']): number {
  const last = steps.slice(-RECENT_STEPS)
  const first = last.findIndex(({ calls }) => calls > 0)
  const shown =
    first === -1 || steps.slice(0, -RECENT_STEPS).some(({ calls }) => calls > 0) ? last : last.slice(first)
  return (last.reduce((sum, { calls }) => sum + calls, 0) * 60_000) / (shown.length * STEP_MS)
}

/** Those that need attention first. */
function byAttention(one: ServerRow, other: ServerRow): number {
  return Number(needsAttention(other)) - Number(needsAttention(one))
}

function serverTable(
  servers: readonly ServerRow[],
  { look }: Visit,
  hourOf: (server: ServerRow) => History,
): Html {
  if (servers.length === 0)
    return empty(
      'There are no servers yet',
      html`<a href="${look.at('/dashboard/add-server')}">Add the first one</a>, from its address or from an
        npm package.`,
    )
  return table(
    'Servers and their last hour',
    [
      {
        title: 'Server',
        kind: 'main',
        cell: (server) => html`<a href="${look.at(serverPath(server))}">${server.name}</a>`,
      },
      { title: 'State', cell: stateOfServer },
      { title: 'Instances', kind: 'minor', cell: instancesText },
      { title: 'Breaker', kind: 'minor', cell: ({ breaker }) => breaker && state(breaker) },
      { title: 'Calls', kind: 'number', cell: (server) => count(hourOf(server).whole.calls) },
      { title: 'Failed', kind: 'number', cell: (server) => serverFailureShare(hourOf(server).whole) },
      { title: 'p95', kind: 'number', cell: (server) => duration(hourOf(server).whole.p95) },
      { title: 'Since', kind: 'number minor', cell: ({ since }) => ago(since, look.nowMs) },
    ],
    servers.toSorted(byAttention),
  )
}

function ownerTable({ whole }: History): Html {
  if (failuresOf(whole) === 0) return empty('No call failed in the last hour')
  return table(
    'Failed calls of the last hour by who has to act',
    [
      { title: 'Who', kind: 'main', cell: ([, name]) => name },
      { title: 'What that is', kind: 'minor', cell: ([, , what]) => what },
      { title: 'Failed calls', kind: 'number', cell: ([owner]) => count(whole.errors[owner]) },
    ],
    OWNERS,
  )
}
