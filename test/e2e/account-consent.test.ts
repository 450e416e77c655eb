import type { Client, ClientCapabilities } from '@modelcontextprotocol/client'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type AccountWorld, linkIn, startAccountWorld, withAccounts } from '../support/account-world.ts'
import { type ClientKind, connectClient } from '../support/mcp-clients.ts'
import { ProtectedServer } from '../support/protected-server.ts'

const ASKABLE = { elicitation: { url: {} } } as const satisfies ClientCapabilities
/** How each way of connecting is asked in the middle of a call. */
const ASKED = ['sse', 'streamable-http', 'modern', 'websocket', 'modern-websocket'] as const

let notes: ProtectedServer
let world: AccountWorld

beforeAll(async () => {
  notes = await ProtectedServer.start()
  world = await startAccountWorld({ notes: withAccounts(notes) }, [notes])
  await world.connect('first', 'notes')
})
afterAll(async () => {
  await world.close()
  await notes.close()
})

type Decision = (url: string) => { action: 'accept' | 'decline' }

/** A client that can open pages, and what its person does. */
async function askableClient(
  kind: ClientKind,
  subject: string,
  decide: Decision,
): Promise<{ client: Client; completed: string[] }> {
  const completed: string[] = []
  const client = await connectClient(kind, world.url, await world.token({ subject }), {
    server: 'notes',
    capabilities: ASKABLE,
    prepare: (prepared) => {
      prepared.setRequestHandler('elicitation/create', ({ params }) => {
        if (params.mode !== 'url') throw new Error('asked for a form')
        return decide(params.url)
      })
      prepared.setNotificationHandler('notifications/elicitation/complete', ({ params }) => {
        completed.push(params.elicitationId)
      })
    },
  })
  return { client, completed }
}

describe('a call whose caller has no account', () => {
  test.each(ASKED)(
    'opens the page by a question over %s, and goes on when the account is connected',
    async (kind) => {
      const subject = `asked-${kind}`
      const opened: string[] = []
      const { client } = await askableClient(kind, subject, (url) => {
        opened.push(url)
        // The person takes longer than the client takes to say that the page is open.
        void world.agree(subject, url)
        return { action: 'accept' }
      })
      const { content } = await client.callTool({ name: 'whoami', arguments: {} })
      expect(content).toEqual([{ type: 'text', text: `${subject}-there` }])
      expect(opened).toEqual([expect.stringContaining(`${world.url}/connect/notes?link=`)])
      await client.callTool({ name: 'whoami', arguments: {} })
      expect(opened).toHaveLength(1)
      await client.close()
    },
  )

  test('tells a client of 2025-11-25 that its person has finished', async () => {
    const { client, completed } = await askableClient('streamable-http', 'told', (url) => {
      void world.agree('told', url)
      return { action: 'accept' }
    })
    await client.callTool({ name: 'whoami', arguments: {} })
    expect(completed).toHaveLength(1)
    await client.close()
  })

  test.each(ASKED)('ends with an error over %s when the person declines', async (kind) => {
    const { client } = await askableClient(kind, `declines-${kind}`, () => ({ action: 'decline' }))
    notes.ledger.splice(0)
    await expect(client.callTool({ name: 'whoami', arguments: {} })).rejects.toMatchObject({
      code: -31_015,
      data: { code: 'credential_required', mayHaveExecuted: false },
    })
    expect(notes.ledger).toEqual([])
    await client.close()
  })

  test.each(ASKED)(
    'ends with an error with the link over %s for a client that opens no pages',
    async (kind) => {
      const subject = `older-${kind}`
      const client = await connectClient(kind, world.url, await world.token({ subject }), { server: 'notes' })
      const error: unknown = await client
        .callTool({ name: 'whoami', arguments: {} })
        .catch((thrown: unknown) => thrown)
      expect(error).toMatchObject({
        code: -31_015,
        message: expect.stringContaining('/connect/notes?link='),
        data: { code: 'credential_required', retryable: false, server: 'notes' },
      })
      await world.agree(subject, linkIn((error as { data: Record<string, unknown> }).data))
      const { content } = await client.callTool({ name: 'whoami', arguments: {} })
      expect(content).toEqual([{ type: 'text', text: `${subject}-there` }])
      await client.close()
    },
  )
})

describe('a server that asks for more scopes', () => {
  test('leads to a page that names them, after which the call goes through', async () => {
    await world.connect('ida', 'notes')
    const refused = await world.call('ida', 'notes_write')
    expect(refused.body).toMatchObject({ code: 'credential_required', mayHaveExecuted: false })
    const browser = await world.browser('ida')
    const page = await browser.open(linkIn(refused.body))
    expect(page.text).toContain('<code>notes:write</code>')
    await browser.submit(page)
    expect(await world.textOf('ida', 'notes_write')).toBe('written by ida-there')
    expect(await world.textOf('ida', 'notes_whoami')).toBe('ida-there')
  })

  test('leaves the calls alone that need no more', async () => {
    await world.connect('jan', 'notes')
    expect(await world.textOf('jan', 'notes_write')).toBe('credential_required')
    expect(await world.textOf('jan', 'notes_whoami')).toBe('jan-there')
  })
})

describe('a token that the server takes no more', () => {
  const barTokenOf = async (subject: string): Promise<void> => {
    await world.textOf(subject, 'notes_whoami')
    const { token } = notes.ledger.findLast(({ account }) => account === `${subject}-there`) ?? {}
    if (token !== undefined) notes.barred.add(token)
  }

  test('is renewed once, and the call goes through', async () => {
    await world.connect('kim', 'notes')
    await barTokenOf('kim')
    const before = notes.granted('refresh_token')
    expect(await world.textOf('kim', 'notes_whoami')).toBe('kim-there')
    expect(notes.granted('refresh_token') - before).toBe(1)
  })

  test('leads to a page when a renewed one is refused, too, and never to a loop', async () => {
    await world.connect('leo', 'notes')
    await barTokenOf('leo')
    const add = notes.barred.has.bind(notes.barred)
    const before = notes.granted('refresh_token')
    notes.barred.has = () => true
    const refused = await world.call('leo', 'notes_whoami')
    const again = await world.call('leo', 'notes_whoami')
    notes.barred.has = add
    expect([refused.body['code'], again.body['code']]).toEqual(['credential_required', 'credential_required'])
    expect(notes.granted('refresh_token') - before).toBe(1)
    await world.agree('leo', linkIn(again.body))
    expect(await world.textOf('leo', 'notes_whoami')).toBe('leo-there')
  })
})
