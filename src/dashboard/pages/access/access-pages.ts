import type { JsonObject } from '../../../domain/json/json.ts'
import { html, type Html, type Part } from '../../../domain/text/html.ts'
import type { Page } from '../../markup/page.ts'
import { pageHead, panel, select } from '../../markup/parts.ts'
import { rows, text } from '../../visit/reading.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import type { PageRoute, Visit } from '../../visit/visit.ts'
import { explanation } from './explanation.ts'
import { matrixPanel } from './matrix.ts'

/** Who may use what, and why: the questions of operators. */
export function accessPages(): readonly PageRoute[] {
  return [{ method: 'get', path: '/access', answer: accessPage }]
}

async function accessPage(visit: Visit): Promise<Page> {
  const { rest, query, look } = visit
  const by = query.get('by') === 'agents' ? 'agents' : 'roles'
  const [matrix, listed] = await Promise.all([
    rest.get('/v1/access/matrix', { by, server: query.get('of') ?? '', cursor: query.get('cursor') ?? '' }),
    rest.get('/v1/servers'),
  ])
  const servers = rows(listed['servers']).flatMap(({ name }) => text(name) ?? [])
  const body = html`
    ${pageHead('Access', {
      about:
        'Ask why a caller may or may not use something. What an edit would change is shown where you edit a server.',
    })}
    ${panel(
      'Why?',
      html`${questionForm(visit)}
        <div id="answer" class="stack" aria-live="polite">${await answerTo(visit)}</div>`,
    )}
    ${matrixPanel(matrix, { by, server: query.get('of') ?? '', servers, look })}
  `
  return { title: 'Access', section: 'access', body }
}

/** Nothing is written by asking, so the question is in the address and can be passed on. */
function questionForm({ query, look }: Visit): Html {
  const here = look.at('/dashboard/access')
  return html`<form
    class="stack"
    action="${here}"
    hx-get="${here}"
    hx-target="#answer"
    hx-select="#answer"
    hx-swap="outerHTML ignoreTitle:true"
  >
    <div class="filters">
      ${select(
        'kind',
        'What',
        [
          ['tool', 'Tool'],
          ['server', 'Server'],
          ['prompt', 'Prompt'],
        ],
        query.get('kind') ?? 'tool',
      )}
      ${field('name', 'Its name', query, 'everything_get-sum', true)}
      ${field('roles', 'Roles of the caller', query, 'reader, support')}
      ${field('agent', 'Agent', query, 'any')} ${field('scopes', 'Scopes', query, 'none')}
    </div>
    <div class="row"><button class="primary" type="submit">Explain</button></div>
  </form>`
}

function field(
  name: string,
  title: string,
  query: URLSearchParams,
  placeholder: string,
  isRequired = false,
): Html {
  return html`<label class="field"
    ><span>${title}</span
    ><input
      name="${name}"
      value="${query.get(name) ?? ''}"
      placeholder="${placeholder}"
      autocomplete="off"
      ${isRequired && 'required'}
  /></label>`
}

async function answerTo({ rest, query }: Visit): Promise<Part> {
  const name = query.get('name')
  if (name === null || name === '') return undefined
  const kind = ['server', 'prompt'].find((each) => each === query.get('kind')) ?? 'tool'
  try {
    return explanation(await rest.post('/v1/access:explain', { [kind]: name, principal: principalIn(query) }))
  } catch (error) {
    return problemNotice(error)
  }
}

function principalIn(query: URLSearchParams): JsonObject {
  const agent = query.get('agent')?.trim() ?? ''
  return {
    roles: words(query.get('roles')),
    scopes: words(query.get('scopes')),
    ...(agent !== '' && { agent }),
  }
}

function words(value: string | null): string[] {
  return (value ?? '').split(/[\s,]+/).filter((word) => word !== '')
}
