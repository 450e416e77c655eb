import { attribute, html, type Html, type Part } from '../../../domain/text/html.ts'
import { csrfField } from '../../markup/layout.ts'
import { select } from '../../markup/parts.ts'
import type { Visit } from '../../visit/visit.ts'
import { accessFields, addButtons, area, field } from './add-fields.ts'
import { registrySearch } from './registry-search.ts'

const REGISTRY = [
  'registry',
  'The MCP registry',
  'Servers that others have published: choose one, and fill in what it asks for.',
] as const
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

/** Where a new server may come from, and the form for it, as it was filled in last. */
export async function addForm(visit: Visit, hasMcpRegistry: boolean): Promise<Html> {
  const { form, query, look } = visit
  const kinds = hasMcpRegistry ? [REGISTRY, ...KINDS] : KINDS
  const asked = form.get('kind') ?? query.get('kind')
  const [kind, , about] = kinds.find(([value]) => value === asked) ?? kinds[0] ?? REGISTRY
  return html`
    <nav class="tabs" aria-label="Where the server is">
      ${kinds.map(
        ([value, title]) =>
          html`<a
            href="${look.at(`/dashboard/add-server?kind=${value}`)}"
            ${attribute('aria-current', value === kind ? 'true' : undefined)}
            >${title}</a
          >`,
      )}
    </nav>
    ${kind === 'registry' ? await registrySearch(visit) : kindForm(visit, kind, about)}
  `
}

function kindForm({ form, look, csrfToken }: Visit, kind: string, about: string): Html {
  const here = look.at('/dashboard/add-server')
  return html`<form class="panel narrow" method="post" action="${here}" data-busy="Adding the server">
    ${csrfField(csrfToken)}<input type="hidden" name="kind" value="${kind}" />
    <p class="muted">${about}</p>
    ${ownFields(kind, form)} ${accessFields(form)} ${addButtons(here, look)}
  </form>`
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
