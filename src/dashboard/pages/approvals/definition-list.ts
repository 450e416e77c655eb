import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html, type Part } from '../../../domain/text/html.ts'
import { csrfField } from '../../markup/layout.ts'
import type { Look, Page } from '../../markup/page.ts'
import { empty, notice, pageHead, panel, select, state } from '../../markup/parts.ts'
import { table } from '../../markup/table.ts'
import { ago, counted } from '../../markup/values.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { amount, rows, text, texts } from '../../visit/reading.ts'
import { segment } from '../../visit/rest-client.ts'
import type { Visit } from '../../visit/visit.ts'

/** Where the definitions of tools are. */
const AT = '/dashboard/approvals/definitions'
const STATES = [
  ['', 'All'],
  ['waiting', 'Waiting for approval'],
  ['changed', 'Changed'],
  ['new', 'New'],
  ['pinned', 'Trusted'],
] as const

/** The tools whose definitions wait for approval; nothing for a person who may not see them, or where none waits. */
export async function waitingDefinitions({ rest, look }: Visit): Promise<Html | undefined> {
  const answer = await rest.getIfAllowed('/v1/pins', { state: 'waiting', limit: '1000' })
  if (answer === undefined) return undefined
  const waiting = rows(answer['pins'])
  const all = html`<a href="${look.at(AT)}">All definitions</a>`
  return panel(
    'Definitions of tools',
    waiting.length === 0
      ? empty(
          'No definition waits for approval',
          'What a server says of its tools is compared with what is trusted.',
        )
      : pinTable('Definitions that wait for approval', waiting, look),
    { aside: all },
  )
}

function pinTable(caption: string, pins: readonly JsonObject[], look: Look): Html {
  return table(
    caption,
    [
      {
        title: 'Tool',
        kind: 'main',
        cell: ({ id }) => html`<a href="${look.at(addressOf(id))}">${text(id)}</a>`,
      },
      { title: 'Server', cell: ({ server }) => text(server) },
      { title: 'State', cell: stateOfPin },
      {
        title: 'Approved by',
        kind: 'minor',
        cell: ({ approvedBy, pinnedAt }) => text(approvedBy) ?? (text(pinnedAt) && 'the first'),
      },
      { title: 'Trusted since', kind: 'number', cell: ({ pinnedAt }) => ago(text(pinnedAt), look.nowMs) },
    ],
    pins,
  )
}

/** All definitions, and approving those of a server together. */
export async function definitionList(visit: Visit, said?: Part): Promise<Page> {
  const { rest, look, query } = visit
  const asked = { server: query.get('server') ?? '', state: query.get('state') ?? '' }
  const [found, health] = await Promise.all([
    rest.get('/v1/pins', { ...asked, cursor: query.get('cursor') ?? undefined }),
    rest.health('/health'),
  ])
  const pins = rows(found['pins'])
  const servers = rows(health['servers']).flatMap(({ name }) => text(name) ?? [])
  const next = text(found['nextCursor'])
  const body = html`
    ${pageHead('Definitions of tools', {
      back: html`<a href="${look.at('/dashboard/approvals')}">Approvals</a>`,
      about:
        'What servers say of their tools is what models read. The first definition is trusted; a change is reported or held back.',
    })}
    <div id="outcome" class="stack">${said}</div>
    <form class="filters" action="${look.at(AT)}">
      ${select('server', 'Server', [['', 'All servers'], ...servers.map((name) => [name, name] as const)], asked.server, true)}
      ${select('state', 'State', STATES, asked.state, true)}
    </form>
    ${rows(found['waiting']).map((waiting) => approveAllForm(visit, found['mayApprove'] === true, waiting))}
    <section class="panel">
      ${pins.length === 0 ? empty('No definition fits', 'Those of a server are known once it has started.') : pinTable('Definitions', pins, look)}
      ${
        next !== undefined &&
        html`<p>
          <a class="button" href="${look.at(AT)}?${String(new URLSearchParams({ ...asked, cursor: next }))}"
            >Next page</a
          >
        </p>`
      }
    </section>
  `
  return { title: 'Definitions of tools', section: 'approvals', body }
}

/** All of a server at once: a server that was updated changes many. */
function approveAllForm(
  visit: Visit,
  mayApprove: boolean,
  { server, tools, hash, policy }: JsonObject,
): Html {
  const name = text(server) ?? ''
  const many = counted(amount(tools) ?? 0, 'definition')
  return notice(
    'busy',
    `${many} of ${name} ${tools === 1 ? 'waits' : 'wait'} for approval${policy === 'hold' ? ' and cannot be used' : ''}`,
    mayApprove &&
      html`<form class="row" method="post" action="${visit.look.at(AT)}">
        ${csrfField(visit.csrfToken)}<input type="hidden" name="server" value="${name}" />
        <input type="hidden" name="expect" value="${text(hash)}" />
        <button type="submit" aria-label="Approve all of ${name}">Approve all of them</button>
        <span class="muted">after you have looked at each</span>
      </form>`,
  )
}

/** Approves all definitions of a server that wait. */
export async function approveAll(visit: Visit): Promise<Page> {
  const { rest, form: sent } = visit
  try {
    const body = { server: sent.get('server') ?? '', expect: sent.get('expect') ?? '' }
    const { approved } = await rest.post('/v1/pins:approve', body)
    return await definitionList(visit, notice('good', `You approved ${texts(approved).join(', ')}`))
  } catch (error) {
    return definitionList(visit, problemNotice(error))
  }
}

/** What is trusted of a definition, and whether the tool can be used. */
export function stateOfPin({ state: is, isHeld }: JsonObject): Html {
  const name = text(is) ?? ''
  if (isHeld === true) return state(`${name}, held back`, 'bad')
  return state(name, name === 'pinned' ? 'good' : 'busy')
}

/** Where the definition of a tool is. */
export function addressOf(id: unknown): string {
  return `${AT}/${segment(text(id) ?? '')}`
}
