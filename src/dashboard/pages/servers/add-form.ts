import { attribute, html, type Html, type Part } from '../../../domain/text/html.ts'
import { csrfField } from '../../markup/layout.ts'
import { select } from '../../markup/parts.ts'
import type { Visit } from '../../visit/visit.ts'

const KINDS = [
  ['address', 'An address', 'The server runs elsewhere and answers over HTTP.'],
  ['package', 'An npm package', 'The gateway installs it and runs it on this machine.'],
  ['command', 'A command', 'A program that is on this machine already.'],
] as const

const EXAMPLES = [
  '@modelcontextprotocol/server-memory',
  '@modelcontextprotocol/server-filesystem',
  '@modelcontextprotocol/server-everything',
  '@modelcontextprotocol/server-sequential-thinking',
]

/** The form of a new server, as it was filled in last. */
export function addForm({ form, query, look, csrfToken }: Visit): Html {
  const kind = form.get('kind') ?? query.get('kind') ?? 'address'
  const here = look.at('/dashboard/add-server')
  return html`
    <nav class="tabs" aria-label="Where the server is">
      ${KINDS.map(
        ([value, title]) =>
          html`<a
            href="${here}?kind=${value}"
            ${attribute('aria-current', value === kind ? 'true' : undefined)}
            >${title}</a
          >`,
      )}
    </nav>
    <form class="panel narrow" method="post" action="${here}" data-busy="Adding the server">
      ${csrfField(csrfToken)}<input type="hidden" name="kind" value="${kind}" />
      <p class="muted">${KINDS.find(([value]) => value === kind)?.[2]}</p>
      ${ownFields(kind, form)}
      ${field('requiredRoles', 'Required roles', form, {
        hint: 'A caller needs one of them. Without any, everybody in the tenant may use the server.',
        placeholder: 'reader, support',
      })}
      ${field('description', 'Description', form, {})}
      <div class="row">
        <button class="primary" type="submit">Add the server</button>
        <a class="button" href="${look.at('/dashboard/servers')}">Cancel</a>
      </div>
    </form>
  `
}

function ownFields(kind: string, form: URLSearchParams): Html {
  if (kind === 'package')
    return html`
      ${field('package', 'Package', form, { isRequired: true, placeholder: EXAMPLES[0], list: 'packages' })}
      <datalist id="packages">${EXAMPLES.map((name) => html`<option value="${name}"></option>`)}</datalist>
      ${field('version', 'Version', form, { placeholder: 'the newest' })}
      ${field('name', 'Name', form, { hint: 'By default made of the name of the package.', placeholder: 'memory' })}
      ${program(form)}
    `
  if (kind === 'command')
    return html`
      ${field('name', 'Name', form, { isRequired: true, placeholder: 'tickets' })}
      ${field('command', 'Command', form, { isRequired: true, placeholder: '/usr/local/bin/tickets-mcp' })}
      ${program(form)}
    `
  return html`
    ${field('name', 'Name', form, {
      isRequired: true,
      hint: 'Small letters, digits and hyphens. Its tools are called name_tool.',
      placeholder: 'github',
    })}
    ${field('url', 'Address', form, { isRequired: true, type: 'url', placeholder: 'https://mcp.example.com/mcp' })}
    ${select(
      'transport',
      'Transport',
      [
        ['http', 'Find out'],
        ['streamable-http', 'Streamable HTTP'],
        ['sse', 'HTTP+SSE (2024-11-05)'],
      ],
      form.get('transport') ?? 'http',
    )}
    ${area('headers', 'Headers', form, 'One per line, as Authorization: Bearer secret://name')}
  `
}

function program(form: URLSearchParams): Part {
  return html`${area('args', 'Arguments', form, 'One per line')}${area(
    'env',
    'Environment variables',
    form,
    'One per line, as NAME=value; secret://name takes a stored secret',
  )}`
}

interface FieldOptions {
  readonly hint?: string
  readonly placeholder?: string | undefined
  readonly isRequired?: boolean
  readonly type?: string
  readonly list?: string
}

function field(name: string, title: string, form: URLSearchParams, options: FieldOptions): Html {
  const { hint, placeholder, isRequired, type = 'text', list } = options
  return html`<div class="field">
    <label for="${name}">${title}${isRequired && html`<span class="required"> required</span>`}</label>
    ${hint && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    <input
      id="${name}"
      name="${name}"
      type="${type}"
      value="${form.get(name) ?? ''}"
      autocomplete="off"
      ${attribute('list', list)}${attribute('placeholder', placeholder)}${attribute('required', isRequired)}${attribute(
        'aria-describedby',
        hint && `${name}-hint`,
      )}
    />
  </div>`
}

function area(name: string, title: string, form: URLSearchParams, hint: string): Html {
  return html`<div class="field">
    <label for="${name}">${title}</label>
    <p class="hint" id="${name}-hint">${hint}</p>
    <textarea id="${name}" name="${name}" rows="2" spellcheck="false" aria-describedby="${name}-hint">
${form.get(name) ?? ''}</textarea>
  </div>`
}
