import { isJsonObject, type JsonObject } from '../../../domain/json/json.ts'
import { jsonOf } from '../../forms/field-values.ts'
import { html, type Html, type Part } from '../../../domain/text/html.ts'
import { checkedButtons } from '../../markup/forms.ts'
import { csrfField } from '../../markup/layout.ts'
import { notice, pageHead } from '../../markup/parts.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { pretty } from '../../visit/reading.ts'
import type { Page } from '../../markup/page.ts'
import type { Answer, PageRoute, Visit } from '../../visit/visit.ts'
import { addForm } from './add-form.ts'
import { addWanted } from './add-wanted.ts'
import { effectOf } from './effect.ts'
import { newServer } from './new-server.ts'
import { registryServerPages } from './registry-server.ts'
import { restPath } from './server-pages.ts'
import { serverPath } from './server-row.ts'

/** Adding a server, and editing its document. */
export function serverEditPages({ hasMcpRegistry }: { hasMcpRegistry: boolean }): readonly PageRoute[] {
  const form = (visit: Visit, said?: Part): Promise<Page> => addPage(visit, hasMcpRegistry, said)
  return [
    { method: 'get', path: '/add-server', answer: (visit) => form(visit) },
    { method: 'post', path: '/add-server', answer: (visit) => add(visit, form) },
    ...(hasMcpRegistry ? registryServerPages() : []),
    { method: 'get', path: '/servers/:name/edit', answer: edit },
    { method: 'post', path: '/servers/:name/edit', hasLargeForm: true, answer: save },
  ]
}

async function addPage(visit: Visit, hasMcpRegistry: boolean, said?: Part): Promise<Page> {
  const body = html`${pageHead('Add a server', {
      back: html`<a href="${visit.look.at('/dashboard/servers')}">Servers</a>`,
      about: 'Within a second after it is added, its tools are there for everybody who may use them.',
    })}
    <div id="outcome" class="stack">${said}</div>
    ${await addForm(visit, hasMcpRegistry)}`
  return { title: 'Add a server', section: 'servers', body }
}

async function add(visit: Visit, form: (visit: Visit, said: Part) => Promise<Page>): Promise<Answer> {
  const wanted = newServer(visit.form)
  if ('problem' in wanted) return form(visit, notice('bad', wanted.problem))
  const outcome = await addWanted(visit, wanted)
  return 'to' in outcome ? outcome : form(visit, outcome.said)
}

async function edit(visit: Visit): Promise<Page> {
  const { body, etag } = await visit.rest.find(restPath(visit))
  return editPage(visit, { text: pretty(body['document']), etag })
}

async function save(visit: Visit): Promise<Answer> {
  const text = visit.form.get('document') ?? ''
  const etag = visit.form.get('etag') ?? undefined
  try {
    const document = parsed(text)
    if (document === undefined)
      return editPage(visit, { text, etag, said: notice('bad', 'This is not a JSON object') })
    if (visit.form.get('action') === 'check')
      return editPage(visit, { text, etag, said: await checked(visit, document) })
    await visit.rest.put(restPath(visit), document, etag)
    const { name = '' } = visit.params
    return { to: serverPath({ name, isForAll: visit.query.get('tenantId') === '*' }) }
  } catch (error) {
    return editPage(visit, { text, etag, said: problemNotice(error) })
  }
}

/** What would change, before it is saved. */
async function checked({ rest, params }: Visit, document: JsonObject): Promise<Html> {
  const whole = { name: params['name'], ...document }
  return effectOf(await rest.post('/v1/access:simulate', { changes: [{ document: whole }] }))
}

function editPage(
  visit: Visit,
  { text, etag, said }: { text: string; etag: string | undefined; said?: Part },
): Page {
  const { look, params, csrfToken } = visit
  const { name = '' } = params
  const isForAll = visit.query.get('tenantId') === '*'
  const here = look.at(serverPath({ name, isForAll }, '/edit'))
  const body = html`
    ${pageHead(`Edit ${name}`, {
      back: html`<a href="${look.at(serverPath({ name, isForAll }))}">${name}</a>`,
      about: html`The document as it is stored. Masked values (<code>********</code>) stay as they are.`,
    })}
    <div id="outcome" class="stack">
      ${etag === undefined && notice('busy', 'This server was discovered: its document cannot be edited here')}
      ${said}
    </div>
    <form class="panel" method="post" action="${here}">
      ${csrfField(csrfToken)}<input type="hidden" name="etag" value="${etag ?? ''}" />
      <div class="field">
        <label for="document">Document</label>
        <p class="hint">JSON. <a href="${look.at('/docs/registry')}">Every field is described</a>.</p>
        <textarea id="document" name="document" class="code" rows="20" spellcheck="false" required>
${text}</textarea>
      </div>
      ${checkedButtons({ title: 'Save', value: 'save', here, back: look.at(serverPath({ name, isForAll })) })}
    </form>
  `
  return { title: `Edit ${name}`, section: 'servers', body }
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value = jsonOf(text)
    return isJsonObject(value) ? value : undefined
  } catch {
    return undefined
  }
}
