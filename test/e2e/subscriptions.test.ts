import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import {
  CHATTY_SERVERS,
  type ChattyGateway,
  type ChattyServerName,
  startChattyGateway,
} from '../support/chatty-gateway.ts'
import { eventually } from '../support/eventually.ts'
import { isFullSoak } from '../support/soak.ts'
import {
  CONVERSATIONS,
  type ConversationKind,
  openConversation,
  type RawConversation,
  type RawMessage,
} from '../support/raw-conversation.ts'

let gateway: ChattyGateway
const conversations: RawConversation[] = []

beforeAll(async () => {
  // All tenants share each connection, so that nothing but the gateway keeps apart who hears what.
  gateway = await startChattyGateway({ tenantId: '*', sharing: 'global' })
})

afterEach(async () => {
  await Promise.all(conversations.splice(0).map((conversation) => conversation.close()))
})

afterAll(() => gateway.close())

const A = 'chatty://a'
const FENCE = 'chatty://fence'

/** How a client sees a server: alone, or among all, where the first by name keeps its URIs. */
const SCOPES = {
  alone: { path: (server: string) => `/${server}`, uri: (_server: string, uri: string) => uri },
  'among all': {
    path: () => '',
    uri: (server: string, uri: string) => (server === 'legacy-http' ? uri : `${server}+${uri}`),
  },
} as const
type Scope = keyof typeof SCOPES

interface Seat {
  readonly kind: ConversationKind
  readonly server: ChattyServerName
  readonly scope: Scope
}

interface Who {
  readonly tenantId?: string
  readonly subject?: string
  readonly capabilities?: Record<string, unknown>
}

async function open({ kind, server, scope }: Seat, who: Who = {}): Promise<RawConversation> {
  const { capabilities, ...principal } = who
  const token = await gateway.token(principal)
  const conversation = await openConversation(kind, gateway.url, token, {
    path: SCOPES[scope].path(server),
    ...(capabilities !== undefined && { capabilities }),
  })
  conversations.push(conversation)
  return conversation
}

/** Resolves when the client has been told that it is subscribed. */
async function watch(client: RawConversation, { kind, server, scope }: Seat, own: string): Promise<void> {
  const uri = SCOPES[scope].uri(server, own)
  if (!kind.startsWith('modern')) {
    await succeeds(client.call(`watch ${own}`, 'resources/subscribe', { uri }))
    return
  }
  const notifications = { resourceSubscriptions: [uri] }
  client.request(`watch ${own}`, 'subscriptions/listen', { notifications })
  const acknowledged = await eventually(
    () => client.received.find(({ method }) => method === 'notifications/subscriptions/acknowledged'),
    { what: 'a subscription' },
  )
  expect(acknowledged.params).toMatchObject({ notifications })
}

async function unwatch(client: RawConversation, { kind, server, scope }: Seat, own: string): Promise<void> {
  if (kind.startsWith('modern')) return client.cancel(`watch ${own}`)
  const uri = SCOPES[scope].uri(server, own)
  await succeeds(client.call(`unwatch ${own}`, 'resources/unsubscribe', { uri }))
}

async function succeeds(answer: Promise<RawMessage>): Promise<void> {
  const { error } = await answer
  if (error !== undefined) throw new Error(error.message)
}

/** Has a server say that a resource has changed. */
async function touch(server: string, uri: string, params = {}): Promise<void> {
  const token = await gateway.token({ subject: 'toucher' })
  const touched = { arguments: { uri, params } }
  const { status } = await gateway.rest(token, 'POST', `/v1/tools/${server}_touch`, touched)
  expect(status).toBe(200)
}

/** The resources that a client was told have changed, in order. */
function heard({ received }: RawConversation): unknown[] {
  return received
    .filter(({ method }) => method === 'notifications/resources/updated')
    .map(({ params }) => params?.['uri'])
}

async function expectHeard(client: RawConversation, uris: readonly string[]): Promise<void> {
  await eventually(() => heard(client).length >= uris.length, { what: `news of ${uris.join(', ')}` })
  expect(heard(client)).toEqual(uris)
}

function isWatched(uri: string, times: number): Promise<unknown> {
  return eventually(() => gateway.reports.watchesOf(uri) === times, {
    what: `${times} watches of ${uri} upstream`,
  })
}

const BOTH_SCOPES = ['alone', 'among all'] as const
/** Every kind with every server, in one scope or the other: the halves have each kind and each server in both. */
const HALVES: readonly (readonly Seat[])[] = [0, 1].map((half) =>
  CONVERSATIONS.flatMap((kind, row) =>
    CHATTY_SERVERS.map((server, column) => ({
      kind,
      server,
      scope: BOTH_SCOPES[(row + column + half) % 2] ?? 'alone',
    })),
  ),
)
const SEATS = HALVES.flat()
/** Each seat is in one of the first two tests, and with `SOAK=full` in both. */
const [FIRST = [], SECOND = []] = isFullSoak ? [SEATS, SEATS] : HALVES
const titled = (seats: readonly Seat[]): [string, Seat][] =>
  seats.map((seat) => [`over ${seat.kind}, of ${seat.server} ${seat.scope}`, seat])

describe('one who watches a resource', () => {
  test.each(titled(FIRST))('hears of it until they stop, and nobody else does: %s', async (_title, seat) => {
    const { server, scope } = seat
    const shown = (uri: string): string => SCOPES[scope].uri(server, uri)
    const ann = await open(seat)
    const others = [await open(seat, { subject: 'bob' }), await open(seat, { tenantId: 'other' })]
    await watch(ann, seat, A)
    for (const other of others) await watch(other, seat, FENCE)
    // A server of 2026-07-28 gets a new stream before it loses the old one.
    await isWatched(A, 1)

    await touch(server, A)
    await expectHeard(ann, [shown(A)])
    await touch(server, FENCE)
    for (const other of others) await expectHeard(other, [shown(FENCE)])

    await unwatch(ann, seat, A)
    await isWatched(A, 0)
    await touch(server, A)
    await touch(server, FENCE)
    for (const other of others) await expectHeard(other, [shown(FENCE), shown(FENCE)])
    await ann.call('fence', 'tools/list')
    expect(heard(ann)).toEqual([shown(A)])
    for (const other of others) await unwatch(other, seat, FENCE)
    await isWatched(FENCE, 0)
  })

  test.each(titled(SECOND))(
    'is asked for upstream once with all others, until the last of them is gone: %s',
    async (_title, seat) => {
      const { server, scope, kind } = seat
      const ann = await open(seat)
      const last = await open(seat, { tenantId: 'other', subject: 'zoe' })
      await watch(ann, seat, A)
      await watch(last, seat, A)
      expect(gateway.reports.watchesOf(A)).toBe(1)
      await unwatch(ann, seat, A)
      await touch(server, A)
      await expectHeard(last, [SCOPES[scope].uri(server, A)])
      expect(gateway.reports.watchesOf(A)).toBe(1)
      // A session over Streamable HTTP outlives its streams.
      if (kind === 'streamable-http') await last.close()
      else last.vanish()
      await isWatched(A, 0)
    },
  )
})

const BOTH_ERAS = ['websocket', 'modern'] as const

test.each(CHATTY_SERVERS)(
  'all who watch hear of it when %s was restarted, and again when the resource changes',
  async (server) => {
    const seats = BOTH_ERAS.map((kind): Seat => ({ kind, server, scope: 'among all' }))
    const clients = await Promise.all(seats.map((seat) => open(seat)))
    const uri = SCOPES['among all'].uri(server, 'chatty://b')
    for (const [index, client] of clients.entries()) {
      const seat = seats[index]
      if (seat !== undefined) await watch(client, seat, 'chatty://b')
    }
    gateway.restart(server)
    for (const client of clients) {
      await eventually(() => heard(client).length > 0, { what: 'news of the restart' })
    }
    await touch(server, 'chatty://b')
    for (const client of clients) await expectHeard(client, [uri, uri])
  },
  60_000,
)

/** Servers of 2026-07-28 announce only what a stream names. */
const LEGACY_SEATS = FIRST.filter(({ server }) => server.startsWith('legacy'))

test.each(titled(LEGACY_SEATS))(
  'one who watches a resource hears of a change of a part of it, by the URI that its era has for that: %s',
  async (_title, seat) => {
    const { server, scope, kind } = seat
    const client = await open(seat)
    await watch(client, seat, A)
    await touch(server, A, { uri: `${A}/part` })
    await expectHeard(client, [SCOPES[scope].uri(server, kind.startsWith('modern') ? A : `${A}/part`)])
  },
)

test.each(['legacy-http', 'legacy-stdio'] as const)(
  'a client that can be asked watches over the connection of its own to %s, for as long as its session',
  async (server) => {
    const seat: Seat = { kind: 'websocket', server, scope: 'alone' }
    const client = await open(seat, { capabilities: { elicitation: {} } })
    await watch(client, seat, A)
    await client.call('touch', 'tools/call', { name: 'touch', arguments: { uri: A } })
    await expectHeard(client, [A])
    await client.close()
    await isWatched(A, 0)
  },
)
