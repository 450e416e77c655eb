import { legalName } from '../../../registry/clients/desktop-config.ts'
import type { JsonObject } from '../../../domain/json/json.ts'
import { attribute, html, type Html, type Part } from '../../../domain/text/html.ts'
import { csrfField } from '../../markup/layout.ts'
import type { Page } from '../../markup/page.ts'
import { notice, pageHead } from '../../markup/parts.ts'
import { problemNotice } from '../../visit/problem-notice.ts'
import { amount, object, rows, text, texts } from '../../visit/reading.ts'
import { segment } from '../../visit/rest-client.ts'
import type { Answer, PageRoute, Visit } from '../../visit/visit.ts'
import { accessFields, addButtons, field } from './add-fields.ts'
import { addWanted } from './add-wanted.ts'
import { accessOf, type Wanted } from './new-server.ts'
import { kindOf, sourceOf, versionOf } from './registry-search.ts'

const AT = '/dashboard/add-server/registry'
/** Before the names of inputs, which third parties choose. */
const VALUE = 'value/'

/** A server of the MCP registry: what it asks for, and adding it. */
export function registryServerPages(): readonly PageRoute[] {
  return [
    { method: 'get', path: '/add-server/registry', answer: (visit) => page(visit) },
    { method: 'post', path: '/add-server/registry', answer: add },
  ]
}

async function page(visit: Visit, said?: Part): Promise<Page> {
  const { rest, look, query } = visit
  const name = query.get('server') ?? ''
  const found = await rest.get(`/v1/registry/servers/${segment(name)}`, {
    version: query.get('version') ?? undefined,
  })
  const choices = rows(found['choices'])
  const at = indexIn(query, choices)
  const title = text(found['title']) ?? name
  const body = html`
    ${pageHead(`Add ${title}`, {
      back: html`<a href="${look.at('/dashboard/add-server?kind=registry')}">MCP registry</a>`,
      about: text(found['description']),
    })}
    <p class="row small"><code>${name}</code> ${versionOf(found, look)} ${sourceOf(found)}</p>
    ${
      found['status'] === 'deprecated' &&
      notice('busy', 'Its publisher has deprecated this server', html`<p>There may be a successor.</p>`)
    }
    <div id="outcome" class="stack">${said}</div>
    ${
      choices[at] === undefined
        ? notice(
            'busy',
            'This gateway cannot use what the server offers',
            html`<p>It offers ${texts(found['unusable']).join(', ') || 'nothing'}.</p>`,
          )
        : html`${choiceTabs(visit, choices, at)}${form(visit, found, choices[at], at)}`
    }
  `
  return { title: `Add ${title}`, section: 'servers', body }
}

function choiceTabs(visit: Visit, choices: readonly JsonObject[], at: number): Html | undefined {
  if (choices.length < 2) return undefined
  return html`<nav class="tabs" aria-label="How the server is reached">
    ${choices.map(
      (choice, index) =>
        html`<a href="${addressOf(visit, index)}" ${attribute('aria-current', index === at && 'true')}
          >${kindOf(choice)}</a
        >`,
    )}
  </nav>`
}

// oxlint-disable-next-line max-params
function form(visit: Visit, found: JsonObject, choice: JsonObject, at: number): Html {
  const { csrfToken, form: entered, look } = visit
  const here = addressOf(visit, at)
  const full = text(found['name']) ?? ''
  const short = legalName(full.slice(full.lastIndexOf('/') + 1))
  return html`<form class="panel narrow" method="post" action="${here}" data-busy="Adding the server">
    ${csrfField(csrfToken)}
    <p class="muted">${whatHappens(choice)}</p>
    ${field('name', 'Name here', entered, {
      isRequired: true,
      value: short,
      hint: 'Small letters, digits and hyphens. Its tools are called name_tool.',
    })}
    ${rows(choice['inputs']).map((input) => inputField(input, entered))} ${accessFields(entered)}
    ${addButtons(here, look)}
  </form>`
}

function whatHappens(choice: JsonObject): string {
  const name = [text(choice['package']), text(choice['version'])].filter(Boolean).join(' ')
  if (choice['kind'] !== 'package') return `The server runs at ${text(choice['url']) ?? 'its publisher'}.`
  return choice['isInstalled'] === true
    ? `The gateway installs the npm package ${name} and runs it on this machine.`
    : `npx fetches the npm package ${name} at each start and runs it on this machine.`
}

function inputField(input: JsonObject, entered: URLSearchParams): Html {
  const name = text(input['name']) ?? ''
  const isSecret = input['isSecret'] === true
  const hint = [
    text(input['description']),
    isSecret ? 'A secret: secret://name takes a stored one.' : undefined,
  ].filter((each) => each !== undefined)
  return field(`${VALUE}${name}`, name, entered, {
    isRequired: input['isRequired'] === true,
    hint: hint.map((each) => each.replace(/(?<![.!?])$/, '.')).join(' '),
    value: text(input['default']),
    placeholder: text(input['placeholder']),
    type: isSecret ? 'password' : 'text',
    choices: texts(input['choices']),
  })
}

async function add(visit: Visit): Promise<Answer> {
  const { rest, query, form: entered } = visit
  const name = query.get('server') ?? ''
  try {
    const draft = await rest.post(`/v1/registry/servers/${segment(name)}/draft`, {
      choice: Number(query.get('choice') ?? 0),
      name: entered.get('name') ?? '',
      values: valuesIn(entered),
      ...(query.get('version') !== null && { version: query.get('version') }),
    })
    const missing = rows(draft['missing']).map((input) => text(input['name']))
    if (missing.length > 0) return await page(visit, notice('bad', `Fill in ${missing.join(', ')}`))
    const outcome = await addWanted(visit, wantedOf(object(draft['request']), entered))
    return 'to' in outcome ? outcome : await page(visit, outcome.said)
  } catch (error) {
    return page(visit, problemNotice(error))
  }
}

/** The request of the draft, with who may use the server. */
function wantedOf({ path, body }: JsonObject, entered: URLSearchParams): Wanted {
  const given = object(body)
  const access = accessOf(entered)
  return {
    path: String(path),
    body:
      path === '/v1/servers'
        ? { ...given, ...access }
        : { ...given, document: { ...object(given['document']), ...access } },
  }
}

function valuesIn(entered: URLSearchParams): Record<string, string> {
  const entries = [...entered].filter(([name, value]) => name.startsWith(VALUE) && value.trim() !== '')
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(VALUE.length), value.trim()]))
}

function indexIn(query: URLSearchParams, choices: readonly JsonObject[]): number {
  const asked = amount(Number(query.get('choice') ?? 0)) ?? 0
  return choices[asked] === undefined ? 0 : asked
}

function addressOf({ look, query }: Visit, choice: number): string {
  const wanted = new URLSearchParams({ server: query.get('server') ?? '', choice: String(choice) })
  const version = query.get('version')
  if (version !== null) wanted.set('version', version)
  return look.at(`${AT}?${wanted.toString()}`)
}
