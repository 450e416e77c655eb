import { describe, expect, test } from '@jest/globals'
import type { Caller, CallerClient } from '../../../src/calls/call.ts'
import { server } from '../../support/offers.ts'
import { caller, operation } from '../../support/routing.ts'
import { SeenUpstreams, sendCall } from '../seen-upstreams.ts'

describe('who shares a connection', () => {
  const keyOf = async (fields: Record<string, unknown>, who: Caller): Promise<string | undefined> => {
    const { seen } = await sendCall({ route: { server: server(fields), name: 'echo' }, caller: who })
    return seen.keys[0]
  }

  test('of a global server all callers, of any tenant', async () => {
    expect(await keyOf({ sharing: 'global' }, caller())).toBe('')
    expect(await keyOf({ sharing: 'global', tenantId: '*' }, caller())).toBe('')
  })

  test('of a tenant server its tenant; where it serves all tenants, each of them alone', async () => {
    expect(await keyOf({}, caller())).toBe('')
    expect(await keyOf({ tenantId: '*' }, caller())).toBe('tenant:acme')
    expect(await keyOf({ tenantId: '*' }, caller({ tenantId: 'other' }, 'session-1'))).toBe('tenant:other')
  })

  test('of a session server only the session; without a session the requests of one principal', async () => {
    const shared = { sharing: 'session', tenantId: '*' }
    expect(await keyOf(shared, caller({}, 'one'))).toBe('session:one')
    const ann = await keyOf(shared, caller())
    expect(ann).toMatch(/^session:\[/)
    expect(await keyOf(shared, caller({ expiresAtMs: 1 }))).toBe(ann)
    for (const other of [
      { subject: 'bob' },
      { tenantId: 'other' },
      { roles: ['x'] },
      { issuer: 'urn:else' },
    ]) {
      expect(await keyOf(shared, caller(other))).not.toBe(ann)
    }
  })
})

function client(fields: Partial<CallerClient> = {}): CallerClient {
  return {
    era: 'legacy',
    capabilities: { elicitation: {}, roots: {} },
    logLevel: undefined,
    ask: () => Promise.resolve({}),
    tell: () => undefined,
    ...fields,
  }
}

/** What is asked of upstreams for a call of a session's client. */
async function asked(
  own: CallerClient,
  fields: { seen?: SeenUpstreams; server?: Record<string, unknown>; sessionId?: string } = {},
): Promise<SeenUpstreams> {
  const { seen = new SeenUpstreams(), sessionId = 'sess-1' } = fields
  const who = { ...caller({}, sessionId), client: own }
  await sendCall(
    {
      route: { server: server(fields.server), name: 'echo' },
      caller: who,
      operation: operation({ client: own }),
    },
    seen,
  )
  return seen
}

describe('a client that can be asked', () => {
  test('has a connection of its own to a legacy server, which gets what the document grants', async () => {
    const seen = await asked(client())
    expect(seen.keys).toEqual(['', 'session:sess-1'])
    expect(seen.clients[1]?.capabilities).toEqual({ elicitation: {} })
    expect(seen.requests[0]?.options.client?.capabilities).toEqual({ elicitation: {} })
  })

  test('shares the connection of a modern server, which learns of it with the request', async () => {
    const seen = new SeenUpstreams()
    seen.era = 'modern'
    await asked(client(), { seen })
    expect(seen.keys).toEqual([''])
    expect(seen.requests[0]?.options.client?.capabilities).toEqual({ elicitation: {} })
  })

  test('waits for the first connection, which tells the era of the server', async () => {
    const seen = new SeenUpstreams()
    seen.era = undefined
    seen.laterEra = 'legacy'
    await asked(client(), { seen })
    expect(seen.keys.at(-1)).toBe('session:sess-1')
  })

  test('shares connections as long as it declares nothing that the server may use', async () => {
    expect((await asked(client({ capabilities: {} }))).keys).toEqual([''])
    expect((await asked(client({ capabilities: { roots: {} } }))).keys).toEqual([''])
  })

  test('shares connections when it is modern: a legacy server has no way to ask it', async () => {
    const seen = await asked(client({ era: 'modern' }))
    expect(seen.keys).toEqual([''])
  })

  test('has a connection of its own, and declares nothing there, when it only wants log messages', async () => {
    const seen = new SeenUpstreams()
    seen.capabilities = { logging: {} }
    await asked(client({ capabilities: {}, logLevel: 'warning' }), { seen })
    expect(seen.keys.at(-1)).toBe('session:sess-1')
    expect(seen.clients.at(-1)?.capabilities).toEqual({})
    expect(seen.requests.map(({ method, params }) => ({ method, params }))).toEqual([
      { method: 'logging/setLevel', params: { level: 'warning' } },
      { method: 'tools/call', params: { name: 'echo', arguments: { a: 1 } } },
    ])
  })

  test('shares connections when it only wants log messages, of a server that has none', async () => {
    const seen = await asked(client({ capabilities: {}, logLevel: 'warning' }))
    expect(seen.keys).toEqual([''])
    expect(seen.requests.map(({ method }) => method)).toEqual(['tools/call'])
  })

  test('and a server of `sharing: session` meet on one connection, regardless of the capabilities of the client', async () => {
    const seen = await asked(client({ capabilities: {} }), { server: { sharing: 'session' } })
    expect(seen.keys).toEqual(['session:sess-1'])
    expect(seen.clients[0]).toBeDefined()
  })
})
