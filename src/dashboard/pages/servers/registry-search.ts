import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html } from '../../../domain/text/html.ts'
import type { Look } from '../../markup/page.ts'
import { empty, state } from '../../markup/parts.ts'
import { ago } from '../../markup/values.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { rows, text, texts } from '../../visit/reading.ts'
import type { Visit } from '../../visit/visit.ts'

const PAGE_SIZE = 20

/** Searching the registry of MCP servers for one to add. Nothing is asked of it before a person types. */
export async function registrySearch(visit: Visit): Promise<Html> {
  const { look, query } = visit
  const here = look.at('/dashboard/add-server')
  const asked = query.get('query')?.trim() ?? ''
  return html`<div class="stack">
    <form
      class="search"
      role="search"
      action="${here}"
      hx-get="${here}"
      hx-trigger="input delay:400ms, submit"
      hx-target="#found"
      hx-select="#found"
      hx-swap="outerMorph ignoreTitle:true"
    >
      <input type="hidden" name="kind" value="registry" />
      <label class="field"
        ><span>Search the MCP registry</span
        ><input
          type="search"
          name="query"
          value="${asked}"
          placeholder="Part of a name: github, postgres, slack …"
          autocomplete="off"
      /></label>
      <button type="submit">Search</button>
    </form>
    <div id="found" class="stack" aria-live="polite">
      ${asked === '' ? hint() : await found(visit, asked).catch(problemNotice)}
    </div>
  </div>`
}

function hint(): Html {
  return empty(
    'Servers that others have published',
    'The registry says who published a server, not that it is safe: look at its source first.',
  )
}

async function found({ rest, look, query }: Visit, asked: string): Promise<Html> {
  const cursor = query.get('cursor') ?? undefined
  const answer = await rest.get('/v1/registry/servers', { query: asked, limit: PAGE_SIZE, cursor })
  const servers = rows(answer['servers'])
  if (servers.length === 0) return empty(`No name contains “${asked}”`, 'Try a shorter word.')
  const next = text(answer['nextCursor'])
  const more = new URLSearchParams({ kind: 'registry', query: asked, cursor: next ?? '' }).toString()
  return html`<ul class="results">
      ${servers.map((server) => result(server, look))}
    </ul>
    ${next !== undefined && html`<p><a class="button" href="${look.at('/dashboard/add-server')}?${more}">Next page</a></p>`}`
}

function result(server: JsonObject, look: Look): Html {
  const name = text(server['name']) ?? ''
  const choices = rows(server['choices'])
  const address = look.at(`/dashboard/add-server/registry?${String(new URLSearchParams({ server: name }))}`)
  const title = text(server['title']) ?? name.slice(name.indexOf('/') + 1)
  return html`<li>
    <div>
      <h3>${choices.length > 0 ? html`<a href="${address}">${title}</a>` : title}</h3>
      <p class="note"><code>${name}</code></p>
      <p>${text(server['description'])}</p>
      <p class="row small">
        ${choices.map((choice) => html`<span class="chip">${kindOf(choice)}</span>`)}
        ${choices.length === 0 && html`<span class="chip">${texts(server['unusable'])[0] ?? 'nothing to connect to'}</span>`}
        ${server['status'] === 'deprecated' && state('deprecated', 'busy')} ${versionOf(server, look)}
        ${sourceOf(server)}
      </p>
    </div>
    ${
      choices.length > 0
        ? html`<a class="button" href="${address}" aria-label="Choose ${title}">Choose</a>`
        : html`<span class="note">Not usable here</span>`
    }
  </li>`
}

/** What one of the ways to reach a server is, in two words. */
export function kindOf({ kind, url }: JsonObject): string {
  if (kind === 'package') return 'npm package'
  const host = URL.parse(text(url) ?? '')?.host
  return host === undefined ? 'remote' : `remote at ${host}`
}

/** Its version, and when that was published. */
export function versionOf({ version, updatedAt }: JsonObject, look: Look): Html {
  const at = ago(text(updatedAt), look.nowMs)
  return html`<span class="muted">${text(version)}${at && html`, updated ${at}`}</span>`
}

/** Where its source is. */
export function sourceOf({ repository, website }: JsonObject): Html | undefined {
  const address = text(repository) ?? text(website)
  if (address === undefined) return undefined
  return html`<a href="${address}" rel="noreferrer noopener" target="_blank"
    >${repository === undefined ? 'Website' : 'Source'}<span class="hidden"> (new window)</span></a
  >`
}
