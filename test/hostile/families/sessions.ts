import { openSse } from '../../support/raw-mcp.ts'
import { type Family, type Row, table } from '../row.ts'
import { type Fields, type Reply, send } from '../world/send.ts'
import { MCP, type World } from '../world/world.ts'

const PING = '{"jsonrpc":"2.0","id":1,"method":"ping"}'
const UNKNOWN = '404 -31012 session_not_found: Unknown session'

const OPENING = {
  protocolVersion: '2099-01-01',
  capabilities: {},
  clientInfo: { name: 'evil', version: '1' },
}

interface Asked {
  readonly method?: string
  readonly path?: string
  /** What is sent as the id, of the id of a session of the attacker. */
  readonly id: (own: string) => string | readonly string[] | undefined
  readonly headers?: Fields
  /** Whose token: of the attacker, unless said. */
  readonly token?: (world: World) => string | Promise<string>
}

async function ask(
  { method = 'POST', path = '/mcp', id, headers = {}, token }: Asked,
  world: World,
  requestId: string,
): Promise<Reply> {
  const own = String((await world.inSession())['mcp-session-id'])
  return send(world.gateway.url, {
    method,
    path,
    headers: {
      ...MCP,
      authorization: `Bearer ${await (token?.(world) ?? world.token)}`,
      'mcp-session-id': id(own),
      'x-request-id': requestId,
      ...headers,
    },
    ...(method === 'POST' && { body: PING }),
    forMs: 3000,
  })
}

const foreign = (world: World): string => world.foreign
const narrower = (world: World): Promise<string> => world.make({ claims: { roles: [] } })
const same = (own: string): string => own

const IDS = table(ask, {
  'no session of anybody': [{ id: () => 'ffffffffffffffff' }, UNKNOWN],
  'an empty id': [{ id: () => '' }, UNKNOWN],
  'the name of a prototype': [{ id: () => '__proto__' }, UNKNOWN],
  'a path': [{ id: () => '../../etc/passwd' }, UNKNOWN],
  'an id of 7,000 characters': [{ id: () => 'a'.repeat(7000) }, UNKNOWN],
  'an own id with another last character': [
    { id: (own) => own.slice(0, -1) + (own.endsWith('A') ? 'B' : 'A') },
    UNKNOWN,
  ],
  'an own id with its last character twice': [{ id: (own) => own + own.slice(-1) }, UNKNOWN],
  'an own id in the other case': [{ id: (own) => own.toUpperCase() }, UNKNOWN],
  'an own id twice': [{ id: (own) => [own, own] }, UNKNOWN],
  'an own id and another one': [{ id: (own) => [own, 'ffffffffffffffff'] }, UNKNOWN],
  'an own id in the query alone': [
    { id: () => undefined, path: '/mcp?mcp-session-id=ffffffffffffffff' },
    '400 -32600 invalid_request: Mcp-Session-Id is missing, and the request is not initialize',
  ],
  'the session of another tenant’s caller': [{ id: same, token: foreign }, UNKNOWN],
  'the own session with a narrower token': [{ id: same, token: narrower }, UNKNOWN],
  'the stream of another tenant’s session': [
    { method: 'GET', id: same, token: foreign, headers: { accept: 'text/event-stream' } },
    UNKNOWN,
  ],
  'the end of another tenant’s session': [{ method: 'DELETE', id: same, token: foreign }, UNKNOWN],
  'the end of no session': [{ method: 'DELETE', id: () => 'ffffffffffffffff' }, UNKNOWN],
  'events after one that nobody had': [
    {
      method: 'GET',
      id: same,
      headers: { accept: 'text/event-stream', 'last-event-id': '99999999999999999999' },
    },
    '400 -31012 stream_not_kept: The stream cannot be resumed',
  ],
  'events after one that is no id': [
    { method: 'GET', id: same, headers: { accept: 'text/event-stream', 'last-event-id': '__proto__/../1' } },
    '400 -31012 stream_not_kept: The stream cannot be resumed',
  ],
  'a revision that there is not': [
    { id: same, headers: { 'mcp-protocol-version': '2099-01-01' } },
    '400 -32602: Invalid params: the MCP-Protocol-Version header names protocol revision 2099-01-01, but the request is missing the required per-request envelope key(s): _meta',
  ],
  'the own session, after all of that': [{ id: same }, '200 #1 {}'],
})

/** How sessions are opened: what is said is the revision of the answer, which is one that there is. */
const OPENED = table(
  async (params: object, world, id) => {
    const body = { jsonrpc: '2.0', id: 1, method: 'initialize', params }
    const reply = await world.post('/mcp', JSON.stringify(body), { ...MCP, 'x-request-id': id })
    const [, revision] = /"protocolVersion":"([^"]*)"/.exec(reply.text) ?? []
    return revision === undefined ? reply : { ...reply, said: revision }
  },
  {
    'a revision that there will be': [OPENING, '2025-11-25'],
    'a revision that is a path': [{ ...OPENING, protocolVersion: '../../etc/passwd' }, '2025-11-25'],
    'a revision that is a number': [
      { ...OPENING, protocolVersion: 1 },
      '400 -32602 invalid_params: initialize is not valid: params.protocolVersion: Invalid input: expected string, received number {"problems":["params.protocolVersion: Invalid input: expected string, received number"]}',
    ],
    'no capabilities': [
      { ...OPENING, capabilities: undefined },
      '400 -32602 invalid_params: initialize is not valid: params.capabilities: Invalid input: expected object, received undefined {"problems":["params.capabilities: Invalid input: expected object, received undefined"]}',
    ],
    'capabilities that are a list': [
      { ...OPENING, capabilities: [] },
      '400 -32602 invalid_params: initialize is not valid: params.capabilities: Invalid input: expected object, received array {"problems":["params.capabilities: Invalid input: expected object, received array"]}',
    ],
    'a name of 100 KB': [
      { ...OPENING, clientInfo: { name: 'n'.repeat(100_000), version: '1' } },
      '2025-11-25',
    ],
    'a name that is an object': [
      { ...OPENING, clientInfo: { name: {}, version: '1' } },
      '400 -32602 invalid_params: initialize is not valid: params.clientInfo.name: Invalid input: expected string, received object {"problems":["params.clientInfo.name: Invalid input: expected string, received object"]}',
    ],
  },
)

/** Messages to sessions of HTTP with SSE. */
const MESSAGES = table((path: string, world, id) => world.post(path, PING, { 'x-request-id': id }), {
  'a message to no session': ['/messages?sessionId=ffffffffffffffff', UNKNOWN],
  'a message without a session': [
    '/messages',
    '400 -32600 invalid_request: sessionId is missing in the query',
  ],
  'a message to two sessions': [
    '/messages?sessionId=a&sessionId=b',
    '400 -32600 invalid_request: sessionId is missing in the query',
  ],
  'a message to a prototype': ['/messages?sessionId=__proto__', UNKNOWN],
})

const OTHERS_MESSAGES: Row = {
  what: 'a message to another tenant’s session of HTTP with SSE',
  send: async (world, id) => {
    const theirs = await openSse(world.gateway.url, world.foreign)
    try {
      return await world.post(theirs.path, PING, { 'x-request-id': id })
    } finally {
      theirs.close()
    }
  },
  answer: UNKNOWN,
}

const FLOOD = 1200
const AT_ONCE = 32
/** Notifications as fast as they are taken; some hundreds at once are nothing unusual. */
const FLOODS = table(
  async (body: string, world, id): Promise<Reply> => {
    const session = await world.openSession(world.token)
    const headers = { ...MCP, 'mcp-session-id': session, 'x-request-id': id }
    const replies: Reply[] = []
    const post = async (): Promise<void> => {
      while (replies.length < FLOOD) replies.push(await world.post('/mcp', body, headers))
    }
    await Promise.all(Array.from({ length: AT_ONCE }, post))
    const statuses = [...new Set(replies.map(({ status }) => status))].toSorted((one, other) => one - other)
    const last = replies.find(({ status }) => status === 429)
    const said = `${statuses.join(' and ')}, retry after ${String(last?.headers['retry-after'])}`
    return { status: 0, headers: last?.headers ?? {}, text: last?.text ?? '', ms: 0, said }
  },
  {
    'notifications of progress': [
      '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}',
      '202 and 429, retry after 1',
    ],
    'notifications that nobody knows': [
      '{"jsonrpc":"2.0","method":"notifications/evil"}',
      '202 and 429, retry after 1',
    ],
    'changes of roots': [
      '{"jsonrpc":"2.0","method":"notifications/roots/list_changed"}',
      '202 and 429, retry after 1',
    ],
  },
)

/** Ids of sessions, and how sessions are opened. */
export const sessions: Family = {
  name: 'sessions',
  rows: () => [...OPENED, ...MESSAGES, OTHERS_MESSAGES, ...IDS],
}

/** More notifications than a client has reason to send. How many are too many depends on how long it takes. */
export const floods: Family = { name: 'floods of notifications', isTimed: true, rows: () => FLOODS }
