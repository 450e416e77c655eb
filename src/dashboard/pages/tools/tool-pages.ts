import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html } from '../../../domain/text/html.ts'
import { empty, notice, pageHead, panel, select } from '../../markup/parts.ts'
import { table } from '../../markup/table.ts'
import { count, tokensOf } from '../../markup/values.ts'
import { segment } from '../../visit/rest-client.ts'
import { object, pretty, rows, text, texts } from '../../visit/reading.ts'
import type { Page } from '../../markup/page.ts'
import { hasRole, type PageRoute, type Visit } from '../../visit/visit.ts'
import { callForm, callOutcome, formStateOf } from './call-form.ts'

const PAGE_SIZE = 100

/** The tools of the person: search, their schemas, and calling them. */
export function toolPages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/tools', answer: listPage },
    { method: 'get', path: '/tools/:id', answer: (visit) => toolPage(visit) },
    { method: 'post', path: '/tools/:id', hasLargeForm: true, answer: (visit) => toolPage(visit) },
  ]
}

async function listPage(visit: Visit): Promise<Page> {
  const { rest, look, query } = visit
  const asked = { query: query.get('query') ?? '', server: query.get('server') ?? '' }
  const cursor = query.get('cursor') ?? undefined
  const [found, health] = await Promise.all([
    rest.get('/v1/tools', { ...asked, cursor, limit: PAGE_SIZE }),
    rest.health('/health'),
  ])
  const tools = rows(found['tools'])
  const here = look.at('/dashboard/tools')
  const servers = rows(health['servers']).flatMap(({ name }) => text(name) ?? [])
  const body = html`
    ${pageHead('Tools', { about: 'What you and your agents can call, with your roles.' })}
    <form
      class="filters"
      role="search"
      action="${here}"
      hx-get="${here}"
      hx-trigger="input delay:250ms, submit"
      hx-target="#found"
      hx-select="#found"
      hx-swap="outerMorph ignoreTitle:true"
    >
      <label class="field"
        ><span>Search</span
        ><input
          type="search"
          name="query"
          value="${asked.query}"
          placeholder="Name or description"
          autocomplete="off"
      /></label>
      ${select('server', 'Server', [['', 'All servers'], ...servers.map((name) => [name, name] as const)], asked.server)}
    </form>
    <div id="found" class="stack">
      ${unavailable(found)}
      <section class="panel">
        ${tools.length === 0 ? nothingFound(visit, asked) : toolTable(tools, visit)}
        ${more(found, asked, here)}
      </section>
    </div>
  `
  return { title: 'Tools', section: 'tools', body }
}

function toolTable(tools: readonly JsonObject[], { look }: Visit): Html {
  return table(
    'Tools',
    [
      {
        title: 'Tool',
        kind: 'main',
        cell: (tool) => html`<a href="${look.at(toolPath(tool))}">${text(tool['id'])}</a>`,
      },
      {
        title: 'What it does',
        kind: 'wide',
        cell: (tool) => firstSentence(text(tool['description']) ?? text(tool['title']) ?? ''),
      },
      { title: 'Server', kind: 'minor', cell: ({ server }) => text(server) },
      { title: 'Tokens', kind: 'number', cell: (tool) => `≈ ${count(tokensOf(definitionOf(tool)))}` },
    ],
    tools,
  )
}

function nothingFound(visit: Visit, { query, server }: { query: string; server: string }): Html {
  if (query !== '' || server !== '') return empty('No tool fits', 'Try fewer words, or all servers.')
  return empty(
    'You have no tools yet',
    hasRole(visit, 'operator')
      ? html`<a href="${visit.look.at('/dashboard/add-server')}">Add a server</a>, or look at which roles the
          <a href="${visit.look.at('/dashboard/servers')}">servers</a> need.`
      : 'An operator decides which roles a server needs.',
  )
}

function unavailable(found: JsonObject): Html {
  const missing = texts(found['missingServers'])
  const stale = texts(found['staleServers'])
  return html`
    ${missing.length > 0 && notice('busy', `Not listed, because they have not answered yet: ${missing.join(', ')}`)}
    ${stale.length > 0 && notice('busy', `Down; listed as they were last: ${stale.join(', ')}`)}
  `
}

function more({ nextCursor }: JsonObject, asked: Record<string, string>, here: string): Html {
  const cursor = text(nextCursor)
  if (cursor === undefined) return html``
  return html`<p>
    <a class="button" href="${here}?${String(new URLSearchParams({ ...asked, cursor }))}">Next page</a>
  </p>`
}

async function toolPage(visit: Visit): Promise<Page> {
  const { rest, look, params } = visit
  const id = params['id'] ?? ''
  const tool = await rest.get(`/v1/tools/${segment(id)}`)
  const state = formStateOf(tool, visit)
  const outcome = await callOutcome(visit, id, state)
  const annotations = hintsOf(object(tool['annotations']))
  const body = html`
    ${pageHead(text(tool['title']) ?? id, {
      back: html`<a href="${look.at('/dashboard/tools')}">Tools</a>`,
      about: text(tool['description']),
    })}
    <p class="row small">
      <code>${id}</code><span class="muted">of</span> ${text(tool['server'])}
      <span class="muted">· definition ≈ ${count(tokensOf(definitionOf(tool)))} tokens</span>
      ${annotations.map((hint) => html`<span class="chip">${hint}</span>`)}
    </p>
    <div class="columns">
      ${panel('Call it', callForm(visit, look.at(toolPath(tool)), state))}
      <div id="result" class="stack" aria-live="polite">${outcome ?? resultPlace()}</div>
    </div>
    ${panel(
      'Definition',
      html`<details>
          <summary>Input schema</summary>
          <pre class="code scroll" tabindex="0">${pretty(tool['inputSchema'])}</pre>
        </details>
        ${
          tool['outputSchema'] !== undefined &&
          html`<details>
            <summary>Output schema</summary>
            <pre class="code scroll" tabindex="0">${pretty(tool['outputSchema'])}</pre>
          </details>`
        }`,
    )}
  `
  return { title: id, section: 'tools', body }
}

/** Where the result of a call will be. */
export function resultPlace(): Html {
  return panel('Result', empty('Nothing called yet', 'The result of the call appears here.'))
}

/** Where the page of a tool is. */
export function toolPath(tool: JsonObject): string {
  return `/dashboard/tools/${segment(text(tool['id']) ?? '')}`
}

/** What a model is told of a tool, without what REST adds. */
function definitionOf({ id, server: _server, ...definition }: JsonObject): JsonObject {
  return { ...definition, name: id }
}

function hintsOf({ readOnlyHint, destructiveHint, idempotentHint, openWorldHint }: JsonObject): string[] {
  return [
    readOnlyHint === true && 'only reads',
    readOnlyHint !== true && destructiveHint === true && 'may destroy',
    idempotentHint === true && 'may be repeated',
    openWorldHint === true && 'reaches outside',
  ].filter((hint) => hint !== false)
}

function firstSentence(description: string): string {
  const [sentence = ''] = description.slice(0, 400).split(/(?<=[.!?])\s|\n/)
  return sentence.length > 160 ? `${sentence.slice(0, 157)}…` : sentence
}
