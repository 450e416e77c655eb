import type { JsonObject } from '../../domain/json/json.ts'
import { html, type Html, type Part } from '../../domain/text/html.ts'
import { pageForm } from '../markup/forms.ts'
import type { Page } from '../markup/page.ts'
import { empty, facts, notice, pageHead, panel, state } from '../markup/parts.ts'
import { table } from '../markup/table.ts'
import { count, counted, percent, size } from '../markup/values.ts'
import { amount, object, rows, text } from '../visit/reading.ts'
import { problemNotice } from '../visit/problem-notice.ts'
import type { PageRoute, Visit } from '../visit/visit.ts'

const NAMES: Readonly<Record<string, string>> = {
  enhancements: 'Enhanced prompts',
  results: 'Results of tools',
}

/** The caches of the tenant, and the enhancement of prompts. */
export function cachePages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/caches', answer: (visit) => cachesPage(visit) },
    { method: 'post', path: '/caches', answer: clear },
  ]
}

async function clear(visit: Visit): Promise<Page> {
  const cache = visit.form.get('cache') ?? ''
  try {
    const { cleared } = await visit.rest.delete(`/v1/caches?cache=${encodeURIComponent(cache)}`)
    const entries = amount(rows(cleared)[0]?.['entries']) ?? 0
    return await cachesPage(
      visit,
      notice('good', `Cleared: ${counted(entries, 'entry', 'entries')} of ${NAMES[cache] ?? cache}`),
    )
  } catch (error) {
    return cachesPage(visit, problemNotice(error))
  }
}

async function cachesPage(visit: Visit, said?: Part): Promise<Page> {
  const { rest, look } = visit
  const [{ caches }, health] = await Promise.all([rest.get('/v1/caches'), rest.health('/health')])
  const here = look.at('/dashboard/caches')
  const body = html`
    ${pageHead('Cache', { about: 'What is kept of earlier answers, of this tenant and in this process.' })}
    <div id="outcome" class="stack">${said}</div>
    ${panel('Caches', cacheTable(rows(caches), visit, here))}
    ${panel('Prompt enhancement', enhancement(object(health['enhancer'])))}
  `
  return { title: 'Cache', section: 'caches', body }
}

function cacheTable(caches: readonly JsonObject[], visit: Visit, here: string): Html {
  return table(
    'Caches',
    [
      { title: 'Cache', kind: 'main', cell: ({ name }) => NAMES[text(name) ?? ''] ?? text(name) },
      { title: 'Entries', kind: 'number', cell: ({ entries }) => count(amount(entries) ?? 0) },
      { title: 'Size', kind: 'number', cell: ({ bytes }) => size(amount(bytes) ?? 0) },
      { title: 'Hits', kind: 'number', cell: ({ hits }) => count(amount(hits) ?? 0) },
      { title: 'Misses', kind: 'number', cell: ({ misses }) => count(amount(misses) ?? 0) },
      {
        title: 'Hit rate',
        kind: 'number',
        cell: ({ hits, misses }) => percent(amount(hits) ?? 0, (amount(hits) ?? 0) + (amount(misses) ?? 0)),
      },
      { title: 'Clear', kind: 'actions', cell: (cache) => clearForm(cache, visit, here) },
    ],
    caches,
  )
}

function clearForm({ name }: JsonObject, visit: Visit, here: string): Html {
  const cache = text(name) ?? ''
  return pageForm(
    visit,
    { action: here },
    html`<input type="hidden" name="cache" value="${cache}" />
      <button type="submit" aria-label="Clear ${NAMES[cache] ?? cache}">Clear</button>`,
  )
}

function enhancement(enhancer: JsonObject): Html {
  const entries = Object.entries(enhancer).filter(([name]) => name !== 'state' && name !== 'status')
  const now = text(enhancer['state']) ?? text(enhancer['status'])
  if (now === undefined) return empty('Prompts are not enhanced', 'OLLAMA_HOST says where the model is.')
  return facts([
    ['State', state(now)],
    ...entries.map(
      ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
    ),
  ])
}
