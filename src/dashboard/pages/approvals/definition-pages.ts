import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html, type Part } from '../../../domain/text/html.ts'
import { csrfField } from '../../markup/layout.ts'
import type { Page } from '../../markup/page.ts'
import { facts, notice, pageHead, panel, state } from '../../markup/parts.ts'
import { table } from '../../markup/table.ts'
import { ago } from '../../markup/values.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { rows, text, texts } from '../../visit/reading.ts'
import { segment } from '../../visit/rest-client.ts'
import type { PageRoute, Visit } from '../../visit/visit.ts'

const AT = '/dashboard/approvals/definitions'

/** The definition of one tool beside the one that is trusted, and approving it. */
export function definitionPages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/approvals/definitions/:tool', answer: (visit) => page(visit) },
    { method: 'post', path: '/approvals/definitions/:tool', answer: approve },
  ]
}

/** The tools whose definitions wait for approval; nothing for a person who may not see them, or where none waits. */
export async function waitingDefinitions({ rest, look }: Visit): Promise<Html | undefined> {
  const answer = await rest.getIfAllowed('/v1/pins', { state: 'waiting', limit: '1000' })
  const waiting = rows(answer?.['pins'])
  if (waiting.length === 0) return undefined
  return panel(
    'Definitions of tools',
    table(
      'Definitions that wait for approval',
      [
        {
          title: 'Tool',
          kind: 'main',
          cell: ({ id }) => html`<a href="${look.at(addressOf(id))}">${text(id)}</a>`,
        },
        { title: 'Server', cell: ({ server }) => text(server) },
        { title: 'State', cell: stateOf },
        { title: 'Trusted since', kind: 'number', cell: ({ pinnedAt }) => ago(text(pinnedAt), look.nowMs) },
      ],
      waiting,
    ),
  )
}

async function page(visit: Visit, said?: Part): Promise<Page> {
  const { rest, look, params } = visit
  const pin = await rest.get(`/v1/pins/${segment(params['tool'] ?? '')}`)
  const id = text(pin['id']) ?? ''
  const isWaiting = pin['state'] !== 'pinned'
  const body = html`
    ${pageHead(`Definition of ${id}`, {
      back: html`<a href="${look.at('/dashboard/approvals')}">Approvals</a>`,
      about: `What the server ${text(pin['server']) ?? ''} says of its tool, which is what models read.`,
    })}
    <div id="outcome" class="stack">${said}</div>
    ${panel(
      'Definition',
      facts([
        ['State', stateOf(pin)],
        ['Hash', html`<code>${text(pin['hash'])}</code>`],
        ['Trusted since', ago(text(pin['pinnedAt']), look.nowMs)],
        ['Approved by', text(pin['approvedBy'])],
      ]),
    )}
    ${isWaiting && panel('What is different', differenceOf(pin))}
    ${isWaiting && panel('Answer', form(visit, pin))}
  `
  return { title: `Definition of ${id}`, section: 'approvals', body }
}

function differenceOf({ changes, state: is, pinned }: JsonObject): Html {
  return html`<div class="stack">
    ${
      is === 'changed' &&
      pinned === undefined &&
      notice('calm', 'What it was is not kept', html`<p>This is what it is now.</p>`)
    }
    ${rows(changes).map(
      ({ field, lines }) =>
        html`<h3><code>${text(field)}</code></h3>
          <pre tabindex="0" class="code"><code>${texts(lines).join('\n')}</code></pre>`,
    )}
    <p class="muted">
      Lines with - are what it was, with + what it is. Characters that cannot be seen are codes.
    </p>
  </div>`
}

function form(visit: Visit, { id, hash }: JsonObject): Html {
  return html`<form method="post" action="${visit.look.at(addressOf(id))}">
    ${csrfField(visit.csrfToken)}<input type="hidden" name="expect" value="${text(hash)}" />
    <button type="submit">Approve exactly this definition</button>
  </form>`
}

async function approve(visit: Visit): Promise<Page> {
  const { rest, form: sent, params } = visit
  try {
    const path = `/v1/pins/${segment(params['tool'] ?? '')}/approve`
    await rest.post(path, { expect: sent.get('expect') ?? '' })
    return await page(
      visit,
      notice('good', 'You approved the definition', html`<p>The tool can be used.</p>`),
    )
  } catch (error) {
    return page(visit, problemNotice(error))
  }
}

function stateOf({ state: is, isHeld }: JsonObject): Html {
  const name = text(is) ?? ''
  if (isHeld === true) return state(`${name}, held back`, 'bad')
  return state(name, name === 'pinned' ? 'good' : 'busy')
}

function addressOf(id: unknown): string {
  return `${AT}/${segment(text(id) ?? '')}`
}
