import type { JsonObject } from '../../domain/json/json.ts'
import { html, type Html } from '../../domain/text/html.ts'
import type { Page } from '../markup/page.ts'
import { empty, figure, pageHead, panel } from '../markup/parts.ts'
import { table } from '../markup/table.ts'
import { count, percent } from '../markup/values.ts'
import { amount, object, rows, text, texts } from '../visit/reading.ts'
import type { PageRoute, Visit } from '../visit/visit.ts'

/** The quotas that there are, each with what is known of its use. */
const QUOTAS = [
  ['callsPerMinute', 'Calls per minute', undefined],
  ['callsPerDay', 'Calls per day', undefined],
  ['concurrentCalls', 'Calls at the same time', undefined],
  ['sessions', 'Open sessions', 'sessions'],
  ['servers', 'Servers', 'servers'],
] as const

/** The tenant of the person: quotas, identity providers, and what was used this month. */
export function tenantPages(): readonly PageRoute[] {
  return [{ method: 'get', path: '/tenant', answer: tenantPage }]
}

async function tenantPage({ rest }: Visit): Promise<Page> {
  const tenant = await rest.get('/v1/tenant')
  const use = object(tenant['use'])
  const body = html`
    ${pageHead(`Tenant ${text(tenant['tenantId']) ?? ''}`, {
      about: 'What this tenant may use, and what it has used.',
    })}
    ${monthFigures(use)} ${panel('Quotas', quotaTable(object(tenant['quotas']), use))}
    ${panel('Identity providers', issuerTable(rows(tenant['issuers'])), { aside: 'Of this tenant alone' })}
  `
  return { title: 'Tenant', section: 'tenant', body }
}

function monthFigures(use: JsonObject): Html {
  const calls = object(use['calls'])
  const number = (name: string): number => amount(calls[name]) ?? 0
  const all = Object.keys(calls).reduce((sum, name) => sum + number(name), 0)
  const failed = number('error') + number('tool_error')
  const month = new Date(text(use['from']) ?? 0).toLocaleString('en', { month: 'long', timeZone: 'UTC' })
  return html`<dl class="figures">
    ${figure(`Calls in ${month}`, count(all))}
    ${figure('Answered', count(number('ok')), percent(number('ok'), all))}
    ${figure('Failed', count(failed), percent(failed, all))}
    ${figure('Refused', count(number('denied')), percent(number('denied'), all))}
  </dl>`
}

function quotaTable(quotas: JsonObject, use: JsonObject): Html {
  return table(
    'Quotas',
    [
      { title: 'Quota', kind: 'main', cell: ([, title]) => title },
      {
        title: 'Used now',
        kind: 'number',
        cell: ([, , used]) => (used === undefined ? '–' : count(amount(use[used]) ?? 0)),
      },
      { title: 'Limit', kind: 'number', cell: ([name]) => limitOf(quotas[name]) },
    ],
    QUOTAS,
  )
}

function limitOf(limit: unknown): string {
  const most = amount(limit)
  return most === undefined ? 'no limit' : count(most)
}

function issuerTable(issuers: readonly JsonObject[]): Html {
  if (issuers.length === 0)
    return empty(
      'This tenant has no identity provider to itself',
      'Those of the settings count for it, where they may name it.',
    )
  return table(
    'Identity providers',
    [
      { title: 'Issuer', kind: 'main', cell: ({ issuer }) => text(issuer) },
      { title: 'Audience', cell: ({ audience }) => text(audience) },
      { title: 'Algorithms', cell: ({ algorithms }) => texts(algorithms).join(', ') },
    ],
    issuers,
  )
}
