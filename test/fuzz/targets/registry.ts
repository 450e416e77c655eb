import { canonicalJson, isJsonObject } from '../../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import { parseSections } from '../../../src/registry/documents/parse-sections.ts'
import { readRegistryText, type RegistryContent } from '../../../src/registry/file/registry-text.ts'
import { editEntries } from '../../../src/registry/file/text-edit.ts'
import { broken, type Target } from '../target.ts'

const ADDED = { transport: 'http', url: 'https://mcp.example.com/mcp' }

/** The text of a registry file, up to the servers that it defines. */
export const registry: Target = {
  name: 'registry',
  guarantee:
    'every text has a reason why it says nothing, or each of its documents serves or has a reason why it does not',
  code: [
    'registry/file/registry-text.ts',
    'registry/file/jsonc.ts',
    'registry/file/text-edit.ts',
    'registry/clients/desktop-config.ts',
    'registry/documents/parse.ts',
    'registry/documents/parse-raw.ts',
    'registry/documents/parse-sections.ts',
    'registry/documents/check-server.ts',
    'registry/documents/expand.ts',
    'registry/documents/placeholders.ts',
    'registry/documents/templates.ts',
    'registry/documents/resolve-names.ts',
  ],
  seeds: [
    'servers:\n  a:\n    transport: stdio\n    command: node\n    args: [x]\n  b: { transport: http, url: "https://mcp.example.com/mcp" }\n',
    '{"mcpServers":{"a":{"command":"node","args":["x"],"env":{"A":"b"}},"b":{"type":"sse","url":"http://127.0.0.1/sse"}}}',
    'servers:\n  a: { transport: template, templateName: t, config: { p: x } }\ntemplates:\n  t:\n    configSchema: { type: object, properties: { p: { type: string } } }\n    server: { transport: stdio, command: node, args: ["${config.p}"] }\n',
    '// c\n{ "servers": { "a": { "transport": "http", "url": "https://x.example/mcp", "tools": { "t": { "title": "x" } }, } }, }',
    'tenants: { acme: {} }\nservers: &s\n  a: { tenantId: acme, transport: stdio, command: x }\npipelines: { p: { steps: [] } }\nenhancement_rules: { r: {} }\nconfirm: [x]\n',
  ],
  words: [
    'servers:',
    'mcpServers',
    'templates:',
    'tenants:',
    '  a:',
    '\n',
    ': ',
    '{',
    '}',
    '[',
    ']',
    '"',
    '&x ',
    '*x',
    '<<: *x',
    '- ',
    '? ',
    '|\n',
    '!!binary ',
    '#',
    '---\n',
    '__proto__',
    'constructor',
    'transport: stdio',
    'command: node',
    'url: "https://x.example/"',
    'tenantId: ',
    '"*"',
    '${config.p}',
    '${instance}',
    'null',
    '1e400',
    '.nan',
    '0x10',
    '2026-01-01',
    'access:',
    'allowedRoles: [a]',
    'tools:',
    'name: ',
    '/*',
    '*/',
    '//',
  ],
  check(input) {
    const text = input.toString('latin1')
    const content = readRegistryText(text)
    if ('problem' in content) return checkReason(content.problem)
    checkSnapshot(content)
    checkEdit(text, content)
    if ('polluted' in {} || Object.keys(Object.prototype).length > 0)
      broken('the prototype of all objects was changed')
  },
}

function checkSnapshot(content: RegistryContent): void {
  const section = (name: 'templates' | 'pipelines' | 'enhancement_rules'): RegistryContent['documents'] => {
    const of = content.sections[name]
    if ('problem' in of) checkReason(of.problem)
    return 'documents' in of ? of.documents : []
  }
  const options = {
    documents: {
      servers: content.documents,
      templates: section('templates'),
      pipelines: section('pipelines'),
      enhancement_rules: section('enhancement_rules'),
    },
    tenants: { inUse: false, byId: new Map(), tolerated: new Set<string>(), quarantined: [] },
    defaultTenant: 'local',
    previous: new Map<string, ServerDefinition>(),
    generation: 1,
  }
  const { snapshot } = parseSections(options)
  for (const { reason } of snapshot.quarantined) checkReason(reason)
  const refused = new Set(snapshot.quarantined.map(({ id }) => id))
  const served = snapshot.servers.size + content.documents.filter(({ id }) => refused.has(id)).length
  if (served < content.documents.length)
    broken(`of ${content.documents.length} documents only ${served} serve or have a reason`)
  if (canonicalJson([...parseSections(options).snapshot.servers]) !== canonicalJson([...snapshot.servers]))
    broken('the same documents made other servers')
}

/** An edit that cannot be made is made by writing the file again; one that is made has to say what was meant. */
function checkEdit(text: string, before: RegistryContent): void {
  const edited = editEntries(text, [{ path: ['servers', 'added'], value: ADDED }])
  if (edited === undefined || before.documents.some(({ id }) => id === 'added')) return
  const after = readRegistryText(edited)
  if ('problem' in after) return
  const added = after.documents.find(({ id }) => id === 'added')
  if (isJsonObject(added?.value) && added.value['url'] === ADDED.url) {
    const removed = editEntries(edited, [{ path: ['servers', 'added'] }])
    const again = removed === undefined ? undefined : readRegistryText(removed)
    if (again !== undefined && !('problem' in again) && again.documents.length > before.documents.length)
      broken('a document that was added cannot be removed')
  }
}

function checkReason(reason: string): void {
  if (reason === '' || reason.includes('a defect of the gateway'))
    broken(`a reason is ${JSON.stringify(reason)}`)
}
