import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type AccountWorld, linkIn, startAccountWorld, withAccounts } from '../support/account-world.ts'
import { eventually } from '../support/eventually.ts'
import { connectClient, TRANSPORTS } from '../support/mcp-clients.ts'
import { ProtectedServer } from '../support/protected-server.ts'

const UPSTREAMS = ['streamable-http', 'sse'] as const
const SHARINGS = ['tenant', 'session', 'global'] as const

let notes: ProtectedServer
let world: AccountWorld

beforeAll(async () => {
  notes = await ProtectedServer.start()
  const documents = {
    notes: withAccounts(notes),
    other: withAccounts(notes),
    ...Object.fromEntries(
      UPSTREAMS.flatMap((transport) =>
        SHARINGS.map((sharing) => [
          `${transport === 'sse' ? 'sse' : 'http'}-${sharing}`,
          withAccounts(notes, { transport, sharing, url: transport === 'sse' ? notes.sseUrl : notes.url }),
        ]),
      ),
    ),
  }
  world = await startAccountWorld(documents, [notes])
})
afterAll(async () => {
  await world.close()
  await notes.close()
})

describe('a server with an account of each person', () => {
  test('is listed with a tool that connects an account until somebody has, and then with its own tools', async () => {
    const token = await world.token({ subject: 'lister' })
    const namesOf = async (): Promise<string[]> => {
      const { body } = await world.rest(token, 'GET', '/v1/tools?server=other')
      return (body['tools'] as { name: string }[]).map(({ name }) => name)
    }
    expect(await namesOf()).toEqual(['other_connect'])
    await world.connect('lister', 'other')
    expect(await namesOf()).toEqual(['other_whoami', 'other_write'])
  })

  test('lists the resources of no person to anybody', async () => {
    await world.connect('lister', 'other')
    const { body } = await world.rest(await world.token({ subject: 'lister' }), 'GET', '/v1/resources')
    expect(body['resources']).toEqual([])
  })

  test('gets with each call the token of the person who calls, and of nobody else', async () => {
    await world.connect('ada', 'notes')
    expect(await world.textOf('bob', 'notes_whoami')).toBe('credential_required')
    await world.connect('bob', 'notes')
    notes.ledger.splice(0)
    const calls = Array.from({ length: 20 }, (_, index) => (index % 3 === 0 ? 'ada' : 'bob'))
    const texts = await Promise.all(calls.map((subject) => world.textOf(subject, 'notes_whoami')))
    expect(texts).toEqual(calls.map((subject) => `${subject}-there`))
    const counted = Map.groupBy(notes.callers(), (account) => account)
    expect([counted.get('ada-there')?.length, counted.get('bob-there')?.length]).toEqual([7, 13])
    const tokens = Map.groupBy(notes.ledger, ({ token }) => token)
    expect([...tokens].map(([, entries]) => new Set(entries.map(({ account }) => account)).size)).toEqual([
      1, 1,
    ])
  })

  test('is asked for again by the one who disconnects, whose token is revoked; the other goes on', async () => {
    await world.connect('carl', 'notes')
    await world.connect('dora', 'notes')
    const token = await world.token({ subject: 'carl' })
    const { status, body } = await world.rest(token, 'DELETE', '/v1/connections/notes')
    expect([status, body]).toEqual([200, { server: 'notes', disconnected: true, revoked: true }])
    const refused = await world.call('carl', 'notes_whoami')
    expect(refused).toMatchObject({
      status: 403,
      body: { code: 'credential_required', server: 'notes', mayHaveExecuted: false },
    })
    expect(await world.textOf('dora', 'notes_whoami')).toBe('dora-there')
    const page = await world.agree('carl', linkIn(refused.body))
    expect(page.text).toContain('notes is connected')
    expect(await world.textOf('carl', 'notes_whoami')).toBe('carl-there')
  })

  test('is not sent anything by a call whose caller has no account', async () => {
    notes.ledger.splice(0)
    expect(await world.textOf('stranger', 'notes_whoami')).toBe('credential_required')
    expect(notes.ledger).toEqual([])
  })
})

describe('connections', () => {
  test('are listed to their person, and to operators with their subject, without any token', async () => {
    await world.connect('erin', 'notes')
    await world.textOf('erin', 'notes_whoami')
    const own = await world.rest(await world.token({ subject: 'erin' }), 'GET', '/v1/connections')
    const connections = own.body['connections'] as Record<string, unknown>[]
    expect(connections.find(({ server }) => server === 'notes')).toEqual({
      server: 'notes',
      per: 'user',
      state: 'connected',
      scopes: ['notes:read'],
      issuer: notes.issuer,
      since: expect.stringMatching(/^\d{4}-/),
      lastUse: expect.stringMatching(/^\d{4}-/),
      connectUrl: `${world.url}/connect/notes`,
    })
    expect(connections.find(({ server }) => server === 'http-global')).toMatchObject({
      state: 'not_connected',
    })
    const operator = await world.token({ subject: 'olga', roles: ['operator'] })
    const all = await world.rest(operator, 'GET', '/v1/connections?of=tenant')
    expect(all.body['connections']).toContainEqual(
      expect.objectContaining({ server: 'notes', subject: 'erin', state: 'connected' }),
    )
    const reader = await world.rest(
      await world.token({ subject: 'erin' }),
      'GET',
      '/v1/connections?of=tenant',
    )
    expect(reader.status).toBe(403)
  })

  test('of others are disconnected by operators only', async () => {
    await world.connect('fay', 'notes')
    const path = '/v1/connections/notes?subject=fay'
    expect((await world.rest(await world.token({ subject: 'ada' }), 'DELETE', path)).status).toBe(403)
    expect(await world.textOf('fay', 'notes_whoami')).toBe('fay-there')
    const operator = await world.token({ subject: 'olga', roles: ['operator'] })
    expect((await world.rest(operator, 'DELETE', path)).status).toBe(200)
    expect(await world.textOf('fay', 'notes_whoami')).toBe('credential_required')
  })

  test('are asked for with a link, without a call', async () => {
    const token = await world.token({ subject: 'gus' })
    const { status, body } = await world.rest(token, 'POST', '/v1/connections/notes')
    expect(status).toBe(201)
    await world.agree('gus', String(body['url']))
    expect(await world.textOf('gus', 'notes_whoami')).toBe('gus-there')
    expect((await world.rest(token, 'POST', '/v1/connections/unknown')).status).toBe(404)
  })
})

describe.each(UPSTREAMS)('over %s', (upstream) => {
  test.each(SHARINGS)(
    'sessions and requests of two persons never share an account, sharing %s',
    async (sharing) => {
      const name = `${upstream === 'sse' ? 'sse' : 'http'}-${sharing}`
      const subjects = ['ada', 'bob']
      for (const subject of subjects) await world.connect(subject, name)
      const callers = await Promise.all(
        subjects.flatMap((subject) =>
          TRANSPORTS.map(async (kind) => {
            const client = await connectClient(kind, world.url, await world.token({ subject }), {
              server: name,
            })
            return { subject, client }
          }),
        ),
      )
      const seen: [string, unknown][] = await Promise.all(
        [1, 2, 3].flatMap(() =>
          callers.map(async ({ subject, client }) => {
            const { content } = await client.callTool({ name: 'whoami', arguments: {} })
            return [subject, content] as [string, unknown]
          }),
        ),
      )
      for (const [subject, content] of seen)
        expect([subject, content]).toEqual([subject, [{ type: 'text', text: `${subject}-there` }]])
      await Promise.all(callers.map(({ client }) => client.close()))
    },
  )
})

test('accounts and what a server offers are there after a restart', async () => {
  const own = await ProtectedServer.start()
  const first = await startAccountWorld({ notes: withAccounts(own) }, [own])
  await first.connect('ada', 'notes')
  await first.gateway.close()
  const second = await startAccountWorld({ notes: withAccounts(own) }, [own], {
    env: { DATA_DIR: first.dataDir },
  })
  const token = await second.token({ subject: 'ada' })
  await eventually(async () => {
    const { body } = await second.rest(token, 'GET', '/v1/tools')
    return (body['tools'] as { name: string }[]).some(({ name }) => name === 'notes_whoami')
  })
  expect(await second.textOf('ada', 'notes_whoami')).toBe('ada-there')
  await second.close()
  await own.close()
})
