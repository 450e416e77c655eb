import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { CHATTY_SERVERS, type ChattyGateway, startChattyGateway } from '../support/chatty-gateway.ts'
import { openConversation, type RawConversation, type RawMessage } from '../support/raw-conversation.ts'
import { connectSdk, SDK_CLIENTS, type SdkClient, type SdkOptions } from '../support/sdk-clients.ts'

let gateway: ChattyGateway
let token: string
let clients: { close: () => Promise<void> }[]

beforeAll(async () => {
  gateway = await startChattyGateway({
    tenantId: '*',
    clientCapabilities: ['elicitation', 'sampling', 'roots'],
  })
  token = await gateway.token()
  clients = []
})

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

afterAll(() => gateway.close())

const ASKING_FOR_NAME = {
  method: 'elicitation/create',
  params: {
    mode: 'form',
    message: 'Who are you?',
    requestedSchema: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
  },
}
const ASKING_MODEL = {
  method: 'sampling/createMessage',
  params: { messages: [{ role: 'user', content: { type: 'text', text: 'Greet Ann' } }], maxTokens: 10 },
}
const ROUNDS = [
  { name: ASKING_FOR_NAME, roots: { method: 'roots/list' } },
  { greeting: ASKING_MODEL },
  { again: ASKING_FOR_NAME },
]

const PERSON = { action: 'accept', content: { name: 'Ann' } }
const MODEL = { model: 'test', role: 'assistant', content: { type: 'text', text: 'Hello Ann' } }
const ROOTS = { roots: [{ uri: 'file:///work', name: 'Work' }] }
const ANSWERS = { elicitation: () => PERSON, sampling: () => MODEL, roots: () => ROOTS }

async function connect(which: (typeof SDK_CLIENTS)[number], options?: SdkOptions): Promise<SdkClient> {
  const client = await connectSdk(which, gateway.url, token, options)
  clients.push(client)
  return client
}

const isModern = (name: string): boolean => name.startsWith('modern')
const PAIRS = SDK_CLIENTS.flatMap(([version, kind]) =>
  CHATTY_SERVERS.map((server) => [version, kind, server] as const),
)

test.each(PAIRS.filter(([, kind, server]) => isModern(server) || !isModern(kind)))(
  'the SDK client %s over %s answers an elicitation, a sampling and its roots in three rounds of %s',
  async (version, kind, server) => {
    const client = await connect([version, kind] as (typeof SDK_CLIENTS)[number], { answers: ANSWERS })
    const result = await client.callTool({ name: `${server}_interview`, arguments: { rounds: ROUNDS } })
    expect(result.structuredContent).toEqual({
      answer: [{ name: PERSON, roots: ROOTS }, { greeting: MODEL }, { again: PERSON }],
    })
    expect(client.asked.map((asked) => asked.kind).toSorted()).toEqual([
      'elicitation',
      'elicitation',
      'roots',
      'sampling',
    ])
  },
)

/** A legacy server that asks nevertheless hears that there is no such method, and its tool fails with that. */
const UNASKED = [
  ...PAIRS.filter(([, kind, server]) => !isModern(server) && isModern(kind)).map(
    (pair) => ['which a legacy server cannot ask', ...pair, ANSWERS] as const,
  ),
  ...PAIRS.map((pair) => ['which declared nothing', ...pair, {}] as const),
]

const UNASKED_FAILURE = {
  modern: { code: -31002, data: { code: 'upstream_bad_response' } },
  legacy: { code: -32601, message: expect.stringContaining('Method not found') as unknown },
}

test.each(UNASKED)(
  'a client, %s, is asked nothing: %s over %s by %s',
  async (_why, version, kind, server, answers) => {
    const client = await connect([version, kind] as (typeof SDK_CLIENTS)[number], { answers })
    const call = client.callTool({ name: `${server}_interview`, arguments: { rounds: ROUNDS } })
    await expect(call).rejects.toMatchObject(UNASKED_FAILURE[isModern(server) ? 'modern' : 'legacy'])
    expect(client.asked).toEqual([])
  },
)

describe('the requestState of a server', () => {
  const capabilities = { elicitation: { form: {} }, sampling: {}, roots: {} }

  async function open(request: Parameters<ChattyGateway['token']>[0]): Promise<RawConversation> {
    const conversation = await openConversation('modern', gateway.url, await gateway.token(request), {
      capabilities,
    })
    clients.push(conversation)
    return conversation
  }

  async function firstRound(conversation: RawConversation, who: string): Promise<string> {
    const { result } = await conversation.call(who, 'tools/call', interview(who))
    expect(result).toMatchObject({ resultType: 'input_required', inputRequests: ROUNDS[0] })
    return String(result?.['requestState'])
  }

  function interview(who: string, more: Record<string, unknown> = {}): Record<string, unknown> {
    return { name: 'modern-http_interview', arguments: { rounds: ROUNDS, who }, ...more }
  }

  const inputResponses = { name: PERSON, roots: ROOTS }

  test('comes back to the server as it was, from its own caller', async () => {
    const ann = await open({ subject: 'ann' })
    const requestState = await firstRound(ann, 'own')
    const { result } = await ann.call(
      'retry',
      'tools/call',
      interview('own', { inputResponses, requestState }),
    )
    expect(result).toMatchObject({ resultType: 'input_required', inputRequests: ROUNDS[1] })
    expect(gateway.reports.begun.filter((who) => who === 'own')).toHaveLength(2)
  })

  test('is unreadable to its caller, and different each time', async () => {
    const ann = await open({ subject: 'ann' })
    const states = [await firstRound(ann, 'first'), await firstRound(ann, 'second')]
    expect(states[0]).toMatch(/^[\w-]{40,}$/)
    expect(states[0]).not.toBe(states[1])
    expect(Buffer.from(states[0] ?? '', 'base64url').toString()).not.toContain('[]')
  })

  const THEFTS: [
    string,
    Parameters<ChattyGateway['token']>[0],
    (state: string) => Record<string, unknown>,
  ][] = [
    ['another subject', { subject: 'bob' }, (requestState) => interview('stolen', { requestState })],
    ['another tenant', { tenantId: 'other' }, (requestState) => interview('stolen', { requestState })],
    [
      'the same subject with other roles',
      { roles: ['reader', 'admin'] },
      (requestState) => interview('stolen', { requestState }),
    ],
    [
      'the same caller to another server',
      {},
      (requestState) => ({ ...interview('stolen', { requestState }), name: 'modern-stdio_interview' }),
    ],
    [
      'the same caller to another tool',
      {},
      (requestState) => ({ ...interview('stolen', { requestState }), name: 'modern-http_identify' }),
    ],
    [
      'the same caller after it was altered',
      {},
      (requestState) => interview('stolen', { requestState: `${requestState.slice(0, -4)}AAAA` }),
    ],
    ['a caller that made it up', {}, () => interview('stolen', { requestState: '[]' })],
    ['a caller that made it up badly', {}, () => interview('stolen', { requestState: { a: 1 } })],
  ]

  test.each(THEFTS)(
    'is refused from %s, and the server hears nothing of it',
    async (_who, request, params) => {
      const ann = await open({ subject: 'ann' })
      const requestState = await firstRound(ann, 'robbed')
      const thief = await open(request)
      const answer: RawMessage = await thief.call('theft', 'tools/call', {
        ...params(requestState),
        inputResponses,
      })
      expect(answer.error).toMatchObject({ code: -32602 })
      expect(gateway.reports.begun).not.toContain('stolen')
    },
  )
})
