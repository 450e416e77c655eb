import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { CHATTY_SERVERS, type ChattyGateway, startChattyGateway } from '../support/chatty-gateway.ts'
import { eventually } from '../support/eventually.ts'
import { type ConversationKind, openConversation, type RawConversation } from '../support/raw-conversation.ts'
import type { Reports } from '../support/reports.ts'

let gateway: ChattyGateway
let reports: Reports
let token: string
let bystander: RawConversation
let lastCall = 0

beforeAll(async () => {
  gateway = await startChattyGateway()
  reports = gateway.reports
  token = await gateway.token()
  bystander = await openConversation('websocket', gateway.url, await gateway.token({ subject: 'bob' }))
  for (const [id, server] of CHATTY_SERVERS.entries()) hold(bystander, { id, server, who: `bystander ${id}` })
  await reports.waitForBegun('bystander 0', 'bystander 1', 'bystander 2', 'bystander 3')
})

afterAll(async () => {
  bystander.vanish()
  await gateway.close()
})

/** Begins a call that ends only when it is cancelled. */
function hold(
  conversation: RawConversation,
  { id, server, who, ask }: { id: number; server: string; who: string; ask?: unknown },
): void {
  const params = { name: `${server}_identify`, arguments: { who, ask } }
  conversation.request(id, 'tools/call', params)
}

function newCall(): string {
  lastCall += 1
  return `call ${lastCall}`
}

type End = (conversation: RawConversation, id: number) => void

const vanish: End = (conversation) => conversation.vanish()
const cancel: End = (conversation, id) => conversation.cancel(id)
const close: End = (conversation) => void conversation.close()

const ENDS: [string, ConversationKind, End][] = [
  ['whose sockets are closed without a word', 'streamable-http', vanish],
  ['that sends notifications/cancelled', 'streamable-http', cancel],
  ['that deletes its session', 'streamable-http', close],
  ['whose stream is closed without a word', 'sse', vanish],
  ['that sends notifications/cancelled', 'sse', cancel],
  ['whose socket is closed without a word', 'websocket', vanish],
  ['that sends notifications/cancelled', 'websocket', cancel],
  ['that says goodbye', 'websocket', close],
  ['that closes the stream of its request', 'modern', cancel],
  ['whose socket is closed without a word', 'modern-websocket', vanish],
  ['that sends notifications/cancelled', 'modern-websocket', cancel],
]

describe.each(CHATTY_SERVERS)(
  'a call of a tool of the server %s is cancelled there, and no other call,',
  (server) => {
    test.each(ENDS)('by a client %s, over %s', async (_how, kind, end) => {
      const conversation = await openConversation(kind, gateway.url, token)
      const who = newCall()
      // The same id as the bystander's call to the same server.
      const id = CHATTY_SERVERS.indexOf(server)
      hold(conversation, { id, server, who })
      await reports.waitForBegun(who)
      end(conversation, id)
      await reports.waitForCancelled(who)
      expect(reports.cancelled.filter((call) => call.startsWith('bystander'))).toEqual([])
      conversation.vanish()
    })

    test.each(['application/json', 'text/event-stream'])(
      'by a REST client that accepts %s, whose socket is closed without a word',
      async (accept) => {
        const who = newCall()
        const cut = new AbortController()
        const gone = fetch(`${gateway.url}/v1/tools/${server}_identify`, {
          method: 'POST',
          headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept },
          body: JSON.stringify({ arguments: { who } }),
          signal: cut.signal,
        })
          .then((response) => response.text())
          .catch(() => 'gone')
        await reports.waitForBegun(who)
        cut.abort()
        expect(await gone).toBe('gone')
        await reports.waitForCancelled(who)
      },
    )
  },
)

describe.each(['streamable-http', 'sse', 'websocket'] as const)('over %s', (kind) => {
  test('a cancelled call is not answered, and the session goes on', async () => {
    const conversation = await openConversation(kind, gateway.url, token)
    const who = newCall()
    hold(conversation, { id: 7, server: 'legacy-stdio', who })
    await reports.waitForBegun(who)
    conversation.cancel(7)
    await reports.waitForCancelled(who)
    expect(await conversation.call('after', 'ping')).toEqual({ jsonrpc: '2.0', id: 'after', result: {} })
    expect(conversation.received.filter(({ id }) => id === 7)).toEqual([])
    await conversation.close()
  })

  test.each(['legacy-stdio', 'legacy-http'])(
    'a call to %s is cancelled there while its client, which is gone, is being asked',
    async (server) => {
      const conversation = await openConversation(kind, gateway.url, token, {
        capabilities: { elicitation: {} },
      })
      const who = newCall()
      const ask = {
        method: 'elicitation/create',
        params: { message: who, requestedSchema: { type: 'object', properties: {} } },
      }
      hold(conversation, { id: 1, server, who, ask })
      await reports.waitForBegun(who)
      await eventually(() => conversation.asked.length === 1, { what: 'the question' })
      conversation.vanish()
      await reports.waitForCancelled(who)
      expect(reports.cancelled).toContain(who)
    },
  )
})
