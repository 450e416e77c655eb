import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { canonicalJson } from '../../src/domain/json/json.ts'
import { CHATTY_SERVERS, type ChattyGateway, startChattyGateway } from '../support/chatty-gateway.ts'
import { eventually } from '../support/eventually.ts'
import {
  CONVERSATIONS,
  type ConversationKind,
  openConversation,
  type RawConversation,
  type RawMessage,
} from '../support/raw-conversation.ts'
import { ODD } from '../support/upstreams/mirror-server.ts'

type Fields = Record<string, unknown>

let gateway: ChattyGateway
const conversations: RawConversation[] = []

beforeAll(async () => {
  gateway = await startChattyGateway({ clientCapabilities: ['elicitation', 'sampling', 'roots'] })
})

afterEach(async () => {
  await Promise.all(conversations.splice(0).map((conversation) => conversation.close()))
})

afterAll(() => gateway.close())

const META = { 'vendor.example/x': { y: [null, ODD] } }
const FORM = {
  mode: 'form',
  message: 'Who?',
  requestedSchema: { type: 'object', properties: { name: { type: 'string', x1: 1 } }, x2: 2 },
  x3: ODD,
  _meta: META,
}
const URL_MODE = { mode: 'url', message: 'Sign in', url: 'https://example.com/in', x1: 1, _meta: META }
const SAMPLING = {
  messages: [
    { role: 'user', content: { type: 'text', text: 'Greet Ann', x1: 1, annotations: { x2: 2 } }, x3: 3 },
    { role: 'assistant', content: [{ type: 'tool_use', id: 'u', name: 't', input: { x4: ODD }, x5: 5 }] },
    {
      role: 'user',
      content: [{ type: 'tool_result', toolUseId: 'u', content: [{ type: 'hologram', x6: 6 }], x7: 7 }],
      _meta: META,
    },
  ],
  maxTokens: 10,
  modelPreferences: { hints: [{ name: 'm', x8: 8 }], x9: 9 },
  tools: [{ name: 't', inputSchema: { type: 'object', x10: 10 }, x11: 11 }],
  toolChoice: { mode: 'auto', x12: 12 },
  x13: { y: 13 },
  _meta: META,
}
const ROOTS = { x1: { y: 1 }, _meta: META }

const QUESTIONS = {
  form: { method: 'elicitation/create', params: FORM },
  link: { method: 'elicitation/create', params: URL_MODE },
  model: { method: 'sampling/createMessage', params: SAMPLING },
  roots: { method: 'roots/list', params: ROOTS },
}

const ANSWERS = {
  form: { action: 'accept', content: { name: 'Ann', x1: ODD }, x2: { y: 2 }, _meta: META },
  link: { action: 'decline', x1: 1, _meta: META },
  model: {
    model: 'test',
    role: 'assistant',
    stopReason: 'vendorReason',
    content: { type: 'text', text: 'Hello', x1: 1, _meta: META },
    x2: { y: 2 },
  },
  roots: { roots: [{ uri: 'file:///work', name: 'Work', x1: 1, _meta: META }], x2: 2, _meta: META },
}

const CAPABILITIES = {
  elicitation: { form: {}, url: {} },
  sampling: { tools: {}, context: {} },
  roots: { listChanged: true },
}

/** Equal texts for equal values; unlike `toEqual` it overlooks no member. */
function normalised(value: unknown): string {
  return JSON.stringify(JSON.parse(canonicalJson(value)), null, 1)
}

function expectSame(actual: unknown, expected: unknown): void {
  expect(normalised(actual)).toBe(normalised(expected))
}

function answerTo({ method, params }: RawMessage): Fields {
  if (method === 'elicitation/create') return params?.['mode'] === 'url' ? ANSWERS.link : ANSWERS.form
  return method === 'roots/list' ? ANSWERS.roots : ANSWERS.model
}

async function open(
  kind: ConversationKind,
  options: { path?: string; logLevel?: string; capabilities?: Fields } = {},
): Promise<RawConversation> {
  const token = await gateway.token()
  const conversation = await openConversation(kind, gateway.url, token, { ...options, answer: answerTo })
  conversations.push(conversation)
  return conversation
}

function isModern(name: string): boolean {
  return name.startsWith('modern')
}

const PAIRS = CONVERSATIONS.flatMap((kind) => CHATTY_SERVERS.map((server) => [kind, server] as const))
const LEGACY_CLIENTS = PAIRS.filter(([kind]) => !isModern(kind))
const MODERN_PAIRS = PAIRS.filter(([kind, server]) => isModern(kind) && isModern(server))

describe('questions of a server, and what the client answers, differ in nothing', () => {
  test.each(LEGACY_CLIENTS)('over %s from %s', async (kind, server) => {
    const client = await open(kind, { capabilities: CAPABILITIES })
    const params = { name: `${server}_interview`, arguments: { rounds: [QUESTIONS] } }
    const { result } = await client.call('call', 'tools/call', params)
    expectSame(result?.['structuredContent'], { answer: [ANSWERS] })
    const asked = client.asked.map(({ method, params: given }) => ({ method, params: given }))
    // In 2025-11-25 an elicitation by URL has an id; a modern server gives none.
    const elicitationId = asked[1]?.params?.['elicitationId']
    expect(typeof elicitationId).toBe(isModern(server) ? 'string' : 'undefined')
    const { form, link, model, roots } = QUESTIONS
    const shownLink = isModern(server) ? { ...link, params: { ...link.params, elicitationId } } : link
    expectSame(asked, [form, shownLink, model, roots])
  })

  test.each(MODERN_PAIRS)('as results and parameters over %s from %s', async (kind, server) => {
    const client = await open(kind, { capabilities: CAPABILITIES })
    const params = { name: `${server}_interview`, arguments: { rounds: [QUESTIONS] } }
    const { result: first = {} } = await client.call('first', 'tools/call', params)
    const { requestState, _meta: _ofTheGateway, ...rest } = first
    expectSame(rest, { resultType: 'input_required', inputRequests: QUESTIONS, x1: { y: 1 } })
    const { result } = await client.call('second', 'tools/call', {
      ...params,
      inputResponses: ANSWERS,
      requestState,
    })
    expectSame(result?.['structuredContent'], { answer: [ANSWERS] })
  })
})

/** Only where it is certain whom a log message is for: see docs/protocol.md. */
const HEARS_LOG = PAIRS.filter(
  ([kind, server]) => server.endsWith('http') || (!isModern(kind) && !isModern(server)),
)

describe('what a server says while it has a call differs in nothing', () => {
  test.each(PAIRS)('but the progress token: progress over %s from %s', async (kind, server) => {
    const client = await open(kind)
    const said = { progress: 0.5, total: 2, message: 'half', x1: ODD, _meta: META }
    await client.call('call', 'tools/call', {
      name: `${server}_say`,
      arguments: { method: 'notifications/progress', params: said },
      _meta: { progressToken: 'own' },
    })
    expectSame(heard(client, 'notifications/progress'), [{ ...said, progressToken: 'own' }])
  })

  test.each(HEARS_LOG)('log messages over %s from %s', async (kind, server) => {
    const client = await open(kind, { logLevel: 'debug' })
    const said = { level: 'info', logger: 'l', data: { x1: [ODD] }, x2: { y: 2 }, _meta: META }
    await client.call('call', 'tools/call', {
      name: `${server}_say`,
      arguments: { method: 'notifications/message', params: said },
    })
    expectSame(heard(client, 'notifications/message'), [said])
  })
})

test.each(PAIRS)('news of a watched resource differs in nothing, over %s from %s', async (kind, server) => {
  const client = await open(kind, { path: `/${server}` })
  const uri = `chatty://${kind}`
  if (isModern(kind)) {
    client.request('watch', 'subscriptions/listen', { notifications: { resourceSubscriptions: [uri] } })
    await hears(client, 'notifications/subscriptions/acknowledged')
  } else {
    await client.call('watch', 'resources/subscribe', { uri, x1: 1 })
  }
  const params = { x1: { y: ODD }, _meta: META }
  await client.call('touch', 'tools/call', { name: 'touch', arguments: { uri, params } })
  await hears(client, 'notifications/resources/updated')
  const meta = { ...META, ...(isModern(kind) && { 'io.modelcontextprotocol/subscriptionId': 'watch' }) }
  expectSame(heard(client, 'notifications/resources/updated'), [{ ...params, uri, _meta: meta }])
})

function heard({ received }: RawConversation, method: string): unknown[] {
  return received.filter((message) => message.method === method).map(({ params }) => params)
}

function hears(client: RawConversation, method: string): Promise<unknown> {
  return eventually(() => heard(client, method).length > 0, { what: `${method} to a client` })
}
