import { setTimeout as sleep } from 'node:timers/promises'
import { jsonIn } from '../../../src/domain/json/json.ts'
import { type Family, type Row, table } from '../row.ts'
import { Gateway } from '../world/gateway.ts'
import { type Reply, send } from '../world/send.ts'
import type { World } from '../world/world.ts'
import { ADDRESSES } from './documents/addresses.ts'
import type { Document } from './documents/document.ts'
import { PROCESSES } from './documents/processes.ts'
import { RULES } from './documents/rules.ts'

/** Writes a document over REST, and takes it back should it have been accepted. */
async function post(world: World, document: Document, id: string, token: string): Promise<Reply> {
  const headers = { authorization: `Bearer ${token}` }
  const reply = await world.post('/v1/servers', JSON.stringify(document), { ...headers, 'x-request-id': id })
  if (reply.status === 201)
    await world.delete(`/v1/servers/${String(document['name'])}`, { ...headers, 'if-match': '*' })
  return reply
}

/** Why each document is not in use, by its name, at a gateway that has all of them in its registry file. */
async function reasonsFor(
  world: World,
  servers: Readonly<Record<string, Document>>,
): Promise<Map<string, string>> {
  await using gateway = await Gateway.start({ servers }, { OIDC_ISSUERS: world.tokens.settings })
  const headers = { authorization: `Bearer ${world.operator}` }
  const { text } = await send(gateway.url, { method: 'GET', path: '/v1/servers', headers })
  const { quarantined = [], servers: used = [] } = jsonIn(text) as Record<
    string,
    { name: string; reason?: string }[]
  >
  return new Map([
    ...used.map(({ name }) => [name, 'in use'] as const),
    ...quarantined.map(({ name, reason = '' }) => [name, reason] as const),
  ])
}

/** Each document over REST, by an administrator of the platform, and in a registry file with all others. */
async function documents(world: World): Promise<readonly Row[]> {
  const admin = await world.make({ claims: { sub: 'ada', roles: ['operator', 'platform-admin'] } })
  const named = Object.entries({ ...ADDRESSES, ...PROCESSES, ...RULES }).map(
    ([what, [document, answer]], at) => ({
      what,
      document,
      answer,
      name: `bad-${at}`,
    }),
  )
  const reasons = await reasonsFor(
    world,
    Object.fromEntries(named.map(({ name, document }) => [name, { tenantId: 'acme', ...document }])),
  )
  return named.map(({ what, document, answer, name }) => ({
    what,
    answer,
    send: async (_world, id) => [
      await post(world, { name: 'bad', ...document }, id, admin),
      { status: 0, headers: {}, text: '', ms: 0, said: reasons.get(name) ?? 'not there' },
    ],
  }))
}

/** Names that no server may have. */
const NAMES = table<unknown>(
  (name: unknown, world: World, id) =>
    post(world, { name, transport: 'http', url: 'https://mcp.example', enabled: false }, id, world.operator),
  {
    'an empty name': [
      '',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'dots as name': [
      '..',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'a path as name': [
      'a/b',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'a member of all objects as name': [
      '__proto__',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'capitals in the name': [
      'Echo',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'an underscore in the name': [
      'a_b',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'a homoglyph in the name': [
      'есho',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'a space behind the name': [
      'echo ',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'a newline behind the name': [
      'a\n',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'a name of 41 characters': [
      'a'.repeat(41),
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'a digit first in the name': [
      '1a',
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
    'a name of the gateway’s own': [
      'gateway',
      '422 invalid_document: name: "gateway" is the name of a built-in server {"problems":["name: \\"gateway\\" is the name of a built-in server"]}',
    ],
    'a name that is taken': [
      'echo',
      '409 already_exists: There is a document of this name already; replace it with PUT, or give another name',
    ],
    'a number as name': [
      5,
      '422 invalid_document: name: expected string, received number {"problems":["name: expected string, received number"]}',
    ],
    'a list as name': [
      ['a'],
      '422 invalid_document: name: expected string, received array {"problems":["name: expected string, received array"]}',
    ],
    'no name': [
      undefined,
      '422 invalid_document: name: expected a name of at most 40 lower-case letters, digits and "-" that begins with a letter {"problems":["name: expected a name of at most 40 lower-case letters, digits and \\"-\\" that begins with a letter"]}',
    ],
  },
)

/** What operators of one tenant may not write. */
const RIGHTS = table(
  (document: Document, world, id) =>
    post(
      world,
      { name: 'mine', transport: 'http', url: 'https://mcp.example', enabled: false, ...document },
      id,
      world.operator,
    ),
  {
    'a server for all tenants': [
      { tenantId: '*' },
      '403 forbidden: Writing a server for all tenants needs the role platform-admin',
    ],
    'a server of another tenant': [
      { tenantId: 'globex' },
      '403 forbidden: A token can only write the servers of its tenant',
    ],
    'a tenant that is a path': [
      { tenantId: '../globex' },
      '403 forbidden: A token can only write the servers of its tenant',
    ],
    'a tenant of all objects': [
      { tenantId: '__proto__' },
      '403 forbidden: A token can only write the servers of its tenant',
    ],
    'a process': [
      { transport: 'stdio', command: 'sh', args: ['-c', 'id'], url: undefined },
      '403 forbidden: Writing what is started on the gateway’s machine needs the role platform-admin',
    ],
    'a process by its package': [
      { transport: 'stdio', package: 'evil', url: undefined },
      '403 forbidden: Writing what is started on the gateway’s machine needs the role platform-admin',
    ],
  },
)

/** The file is polled; a good one behind a bad one may be the next that is seen. */
const READ_WITHIN_MS = 1200

/** Whole files that are no registry: the last good one goes on. */
function files(world: World): readonly Row[] {
  const aliases = Array.from(
    { length: 9 },
    (_, n) =>
      `${'abcdefghij'[n]}: &${'abcdefghij'[n]} [${Array.from({ length: 9 }, () => (n === 0 ? 'x' : `*${'abcdefghij'[n - 1]}`)).join(',')}]`,
  )
  const texts: Readonly<Record<string, string>> = {
    'an empty file': '',
    'no YAML': '{{{',
    'a list': '[]',
    'a text': 'servers',
    NUL: '\0\0\0',
    'not UTF-8': Buffer.from([0xff, 0xfe, 0xfd]).toString('latin1'),
    'aliases that double nine times': `${aliases.join('\n')}\nservers: {x: {description: *i}}`,
    'an alias of itself': 'servers: &s {x: *s}',
    '100,000 levels of lists': `servers: ${'['.repeat(100_000)}${']'.repeat(100_000)}`,
    '3,000 levels of maps': `servers:\n${Array.from({ length: 3000 }, (_, n) => `${' '.repeat(n + 1)}a:`).join('\n')} x`,
    'merge keys': 'x: &x {a: 1}\nservers: {<<: *x, y: {<<: *x}}',
    'a function as tag': 'servers: !!js/function "function () { return process.exit(1) }"',
    'two documents': 'servers: {}\n---\nservers: {}',
    'a key twice': 'servers: {a: {transport: stdio, command: x}, a: {transport: stdio, command: y}}',
    'a section that nobody knows': '{"servers":{},"evil":{}}',
    'a key of all objects': '{"servers":{"__proto__":{"transport":"http","url":"https://a.example"}}}',
    'a file of 20 MB': `{"servers":{"a":{"description":"${'d'.repeat(20_000_000)}"}}}`,
    'no servers any more': '{"servers":{}}',
  }
  return Object.entries(texts).map(([what, text]) => ({
    what,
    calls: 1,
    answer: '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
    send: async (_world, id) => {
      const before = await world.gateway.readRegistry()
      await world.gateway.writeRegistry(text)
      await sleep(READ_WITHIN_MS)
      const reply = await world.call('echo_say', {}, id)
      await world.gateway.writeRegistry(before)
      return reply
    },
  }))
}

/** Documents of servers, and the file that holds them. */
export const registry: Family = {
  name: 'registry',
  rows: async (world) => [...(await documents(world)), ...NAMES, ...RIGHTS, ...files(world)],
}
