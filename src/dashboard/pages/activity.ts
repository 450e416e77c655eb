import { canonicalJson, type JsonObject } from '../../domain/json/json.ts'
import { html, type Html } from '../../domain/text/html.ts'
import type { Page } from '../markup/page.ts'
import { empty, pageHead, select, state } from '../markup/parts.ts'
import { table } from '../markup/table.ts'
import { clockTime, count, duration, size } from '../markup/values.ts'
import { amount, rows, text } from '../visit/reading.ts'
import type { Download, PageRoute, Visit } from '../visit/visit.ts'

const PAGE_SIZE = 50
const EXPORT_PAGE = 1000
/** More than a person reads; REST returns all of them, page by page. */
const MAX_EXPORTED = 20_000
const OUTCOMES = ['ok', 'tool_error', 'error', 'denied', 'cancelled', 'unknown', 'changed']
const FILTERS = ['subject', 'target', 'server', 'outcome', 'from', 'to'] as const
const COLUMNS = [
  'at',
  'subject',
  'agent',
  'roles',
  'clientName',
  'address',
  'face',
  'action',
  'target',
  'server',
  'instance',
  'effect',
  'ruleId',
  'ruleDocument',
  'outcome',
  'code',
  'durationMs',
  'requestBytes',
  'responseBytes',
  'requestId',
  'sessionId',
  'id',
]

/** The usage records of the tenant: who did what, and how it ended. */
export function activityPages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/activity', answer: activityPage },
    { method: 'get', path: '/activity/export', answer: download },
  ]
}

async function activityPage(visit: Visit): Promise<Page> {
  const { rest, look, query } = visit
  const filters = filtersIn(query)
  const found = await rest.get('/v1/audit', {
    ...filters,
    limit: PAGE_SIZE,
    cursor: query.get('cursor') ?? '',
  })
  const records = rows(found['records'])
  const cursor = text(found['nextCursor'])
  const here = look.at('/dashboard/activity')
  const given = sameFilters(query)
  const body = html`
    ${pageHead('Activity', {
      about:
        'Every use of a tool, resource or prompt, allowed or refused. Arguments are never stored, only a digest.',
      actions: html`<a class="button" href="${here}/export?${given}&amp;format=csv">Export CSV</a>
        <a class="button" href="${here}/export?${given}&amp;format=jsonl">Export JSON</a>`,
    })}
    ${filterForm(visit, here)}
    <div id="found" class="stack">
      <section class="panel">
        ${
          records.length === 0
            ? empty(
                'There are no records',
                given === '' ? 'They appear with the first call.' : 'Nothing fits these filters.',
              )
            : recordTable(records, look.nowMs)
        }
        ${
          cursor !== undefined &&
          html`<p>
            <a class="button" href="${here}?${sameFilters(query)}&amp;cursor=${encodeURIComponent(cursor)}"
              >Older records</a
            >
          </p>`
        }
      </section>
    </div>
  `
  return { title: 'Activity', section: 'activity', body }
}

function filterForm({ query }: Visit, here: string): Html {
  return html`<form
    class="filters"
    role="search"
    action="${here}"
    hx-get="${here}"
    hx-trigger="change, submit"
    hx-target="#found"
    hx-select="#found"
    hx-swap="outerMorph ignoreTitle:true"
  >
    ${select('outcome', 'Outcome', [['', 'All'], ...OUTCOMES.map((each) => [each, each.replace('_', ' ')] as const)], query.get('outcome') ?? '')}
    ${field('subject', 'Person', query)} ${field('target', 'Tool', query)} ${field('server', 'Server', query)}
    ${field('from', 'From', query, 'date')} ${field('to', 'Until', query, 'date')}
    <noscript><button type="submit">Filter</button></noscript>
  </form>`
}

function field(name: string, title: string, query: URLSearchParams, type = 'text'): Html {
  return html`<label class="field"
    ><span>${title}</span
    ><input type="${type}" name="${name}" value="${query.get(name) ?? ''}" autocomplete="off"
  /></label>`
}

function recordTable(records: readonly JsonObject[], nowMs: number): Html {
  return table(
    'Usage records, newest first',
    [
      { title: 'Time (UTC)', cell: ({ at }) => clockTime(text(at) ?? '', nowMs) },
      { title: 'What', kind: 'main', cell: whatOf },
      { title: 'Outcome', cell: outcomeOf },
      {
        title: 'Who',
        cell: ({ subject, agent }) =>
          html`${text(subject)}${text(agent) && html`<span class="note"> by ${text(agent)}</span>`}`,
      },
      { title: 'Server', kind: 'minor', cell: ({ server }) => text(server) },
      { title: 'Took', kind: 'number', cell: ({ durationMs }) => duration(amount(durationMs)) },
      {
        title: 'Answer',
        kind: 'number minor',
        cell: ({ responseBytes }) => size(amount(responseBytes) ?? 0),
      },
    ],
    records,
  )
}

/** Of an administrative act, what was done to what. */
function whatOf({ action, target, outcome }: JsonObject): string | undefined {
  return outcome === 'changed' ? `${text(action) ?? ''} ${text(target) ?? ''}` : text(target)
}

/** With the error, or the rule that refused. */
function outcomeOf({ outcome, code, ruleId, effect }: JsonObject): Html {
  const why = effect === 'deny' ? text(ruleId) : text(code)
  return html`${state(text(outcome) ?? 'error')}${why !== undefined && html`<span class="note"> ${why}</span>`}`
}

async function download({ rest, query }: Visit): Promise<Download> {
  const records: JsonObject[] = []
  let cursor: string | undefined
  do {
    const found = await rest.get('/v1/audit', { ...filtersIn(query), limit: EXPORT_PAGE, cursor })
    records.push(...rows(found['records']))
    cursor = text(found['nextCursor'])
  } while (cursor !== undefined && records.length < MAX_EXPORTED)
  return query.get('format') === 'csv'
    ? {
        fileName: `activity-${count(records.length).replaceAll(',', '')}.csv`,
        type: 'text/csv',
        content: csvOf(records),
      }
    : {
        fileName: `activity-${records.length}.jsonl`,
        type: 'application/jsonl',
        content: records.map((record) => `${canonicalJson(record)}\n`).join(''),
      }
}

function csvOf(records: readonly JsonObject[]): string {
  const lines = records.map((record) => COLUMNS.map((name) => csvField(record[name])).join(','))
  return `${[COLUMNS.join(','), ...lines].join('\r\n')}\r\n`
}

/** What spreadsheets run as a formula: their signs, in full width, too, behind blanks and line breaks, and those alone. */
const FORMULA = /^(?:[\t\r\n]|\s*[=+\-@＝＋－＠])/

/** Quoted, and never a formula. */
function csvField(value: unknown): string {
  if (value === null || value === undefined) return ''
  const plain = typeof value === 'string' ? value : JSON.stringify(value)
  const safe = typeof value === 'string' && FORMULA.test(plain) ? `'${plain}` : plain
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/** The filters of an address, for another one. */
function sameFilters(query: URLSearchParams): string {
  const given = FILTERS.flatMap((name) =>
    query.get(name) ? [[name, query.get(name) ?? ''] as [string, string]] : [],
  )
  return new URLSearchParams(given).toString()
}

function filtersIn(query: URLSearchParams): Record<string, string> {
  const given = FILTERS.flatMap((name): [string, string][] => {
    const value = query.get(name)?.trim() ?? ''
    return value === '' ? [] : [[name, value]]
  })
  const { from, to, ...filters } = Object.fromEntries(given)
  return {
    ...filters,
    ...(from !== undefined && { from: `${from}T00:00:00Z` }),
    ...(to !== undefined && { to: `${to}T23:59:59.999Z` }),
  }
}
