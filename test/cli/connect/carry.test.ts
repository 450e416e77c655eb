import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { BridgeWorld, events, json, openSession, resultFor } from '../../support/bridge-world.ts'
import { eventually } from '../../support/eventually.ts'
import { initialize, withEnvelope } from '../../support/raw-mcp.ts'

let world: BridgeWorld

beforeEach(async () => {
  world = await BridgeWorld.open()
})

afterEach(() => world[Symbol.asyncDispose]())

describe('a message passes', () => {
  const odd =
    '{"jsonrpc":"2.0","id":1,"method":"x/y","params":{"n":12345678901234567890,"d":1.10,"é":"\\u00e9","n":0}}'

  test('as the bytes that it is, in both directions', async () => {
    const back = '{"id":1,  "jsonrpc":"2.0","result":{"n":98765432109876543210,"x":{"y":[1.50]},"t":"a\\nb"}}'
    world.answer = (response) => json(response, back.replace('  ', '\n  '))
    const bridge = world.start()
    bridge.send(odd)
    await bridge.answerTo(1)
    expect([world.seen[0]?.body, bridge.lines]).toEqual([odd, [back.replace('  ', '   ')]])
  })

  test('from a stream of events, questions of the server included, and the answer to them goes back', async () => {
    const question = '{"jsonrpc":"2.0","id":"q","method":"sampling/createMessage","params":{"x":1}}'
    world.answer = (response, { body }) => {
      if (body.includes('"id":1')) {
        const stream = events(response, `: hello\r\ndata: ${question}\r\n\r\n`)
        world.answer = (second, one) => {
          second.writeHead(202).end()
          stream.end(`event: message\ndata: {"jsonrpc":"2.0","id":1,\ndata: "result":${one.body}}\n\n`)
        }
      }
    }
    const bridge = world.start()
    bridge.send(odd)
    await eventually(() => bridge.lines.length === 1)
    const reply = '{"jsonrpc":"2.0","id":"q","result":{"role":"assistant"}}'
    bridge.send(reply)
    await eventually(() => bridge.lines.length === 2)
    expect(bridge.lines).toEqual([question, `{"jsonrpc":"2.0","id":1, "result":${reply}}`])
  })

  test('of the modern era, with the headers that repeat what is in it', async () => {
    const inputSchema = { type: 'object', properties: { city: { type: 'string', 'x-mcp-header': 'City' } } }
    const tools = [{ name: 'wéather', inputSchema }]
    world.answer = (response, { body }) => json(response, resultFor(body, { resultType: 'complete', tools }))
    const bridge = world.start()
    await bridge.request(1, 'tools/list', withEnvelope())
    await bridge.request(2, 'tools/call', withEnvelope({ name: 'wéather', arguments: { city: 'Oslo' } }))
    expect(world.seen[1]?.headers).toMatchObject({
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': 'tools/call',
      'mcp-name': '=?base64?d8OpYXRoZXI=?=',
      'mcp-param-city': 'Oslo',
    })
    expect(world.seen[1]?.headers['mcp-session-id']).toBeUndefined()
  })
})

describe('a session', () => {
  test('is kept for its client, and ended with it', async () => {
    world.withSessions()
    const bridge = world.start()
    await openSession(bridge)
    await bridge.request(1, 'ping')
    bridge.end()
    expect(await bridge.exitCode()).toBe(0)
    expect(
      world.seen
        .filter(({ method }) => method !== 'GET')
        .map(({ headers, method }) => [method, headers['mcp-session-id'], headers['mcp-protocol-version']]),
    ).toEqual([
      ['POST', undefined, undefined],
      ['POST', 's1', '2025-06-18'],
      ['POST', 's1', '2025-06-18'],
      ['DELETE', 's1', '2025-06-18'],
    ])
  })

  test('that the server has lost is opened again, and the call goes on', async () => {
    const forget = world.withSessions()
    const bridge = world.start()
    await openSession(bridge)
    await bridge.request(1, 'ping')
    forget()
    expect(await bridge.request(2, 'tools/call', { name: 'x' })).toMatchObject({ id: 2, result: {} })
    expect(
      world.seen
        .filter(({ body }) => body.includes('tools/call'))
        .map(({ headers }) => headers['mcp-session-id']),
    ).toEqual(['s1', 's2'])
    expect(bridge.lines).toHaveLength(3)
    expect(bridge.errors).toBe('tool-gateway: The server had lost the session, so a new one was opened.\n')
  })

  test('that cannot be opened again is tried again by the next request', async () => {
    const forget = world.withSessions()
    const before = world.answer
    const bridge = world.start()
    await openSession(bridge)
    await bridge.request(1, 'ping')
    forget()
    world.answer = (response, one) => {
      if (one.body.includes('"initialize"')) response.writeHead(500).end('not now')
      else before(response, one)
    }
    expect(await bridge.request(2, 'ping')).toMatchObject({
      error: { message: 'the server does not open a new session (status 500)' },
    })
    world.answer = before
    expect(await bridge.request(3, 'ping')).toEqual({ jsonrpc: '2.0', id: 3, result: {} })
  })

  test('that is lost as soon as it is opened is opened again once for each request', async () => {
    const forget = world.withSessions()
    const bridge = world.start()
    await openSession(bridge)
    await bridge.request(1, 'ping')
    const before = world.answer
    world.answer = (response, one) => {
      forget()
      before(response, one)
    }
    expect(await bridge.request(2, 'ping')).toMatchObject({
      error: { message: expect.stringContaining('answers with status 404: no such session') },
    })
    expect(world.seen.filter(({ body }) => body.includes('"initialize"'))).toHaveLength(2)
  })

  test('stays where a server answers with 404 that it has no stream', async () => {
    world.withSessions()
    const before = world.answer
    world.answer = (response, one) => {
      if (one.method === 'GET') response.writeHead(404).end()
      else before(response, one)
    }
    const bridge = world.start()
    await openSession(bridge)
    await eventually(() => world.seen.some(({ method }) => method === 'GET'))
    for (const id of [1, 2, 3]) await bridge.request(id, 'ping')
    expect(world.seen.filter(({ body }) => body.includes('"initialize"'))).toHaveLength(1)
  })

  test('hears what the server says again once its token is good again', async () => {
    world.withSessions()
    const before = world.answer
    const note = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
    const file = join(world.home, 'token')
    await writeFile(file, 'old')
    let good = 'old'
    world.answer = (response, one) => {
      if (one.headers.authorization !== `Bearer ${good}`) response.writeHead(401).end()
      else if (one.method === 'GET') events(response, `retry: 10\ndata: ${note}\n\n`).end()
      else before(response, one)
    }
    const bridge = world.start(['--token-file', file])
    await openSession(bridge)
    await eventually(() => bridge.lines.includes(note))
    good = 'new'
    const from = world.seen.length
    await eventually(() => world.seen.slice(from).some(({ method }) => method === 'GET'))
    expect(await bridge.request(1, 'ping')).toMatchObject({
      error: { message: expect.stringContaining('the server refuses the token in') },
    })
    await writeFile(file, 'new')
    bridge.lines.length = 0
    await bridge.request(2, 'ping')
    await eventually(() => bridge.lines.includes(note))
  })

  test('gets the rest of a stream that broke off', async () => {
    world.withSessions((response, { body }) => {
      const result = resultFor(body, { late: true })
      const before = world.answer
      world.answer = (second, one) => {
        if (one.method !== 'GET' || one.headers['last-event-id'] !== 'e1') return before(second, one)
        events(second, `id: e2\ndata: ${result}\n\n`).end()
      }
      events(response, 'id: e1\nretry: 10\ndata:\n\n').end()
    })
    const bridge = world.start()
    await openSession(bridge)
    expect(await bridge.request(1, 'tools/call', { name: 'x' })).toMatchObject({ result: { late: true } })
  })

  test('hears what the server says outside of requests', async () => {
    world.withSessions()
    const before = world.answer
    const note = '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
    world.answer = (response, one) => {
      if (one.method === 'GET') events(response, `id: 1\nretry: 10\ndata: ${note}\n\n`).end()
      else before(response, one)
    }
    const bridge = world.start()
    await openSession(bridge)
    await eventually(() => bridge.lines.filter((line) => line === note).length >= 2)
    expect(world.seen.filter(({ method }) => method === 'GET')[1]?.headers['last-event-id']).toBe('1')
  })
})

describe('a server that cannot be reached', () => {
  test('is waited for', async () => {
    await world.close()
    const bridge = world.start()
    bridge.send(initialize(1))
    await eventually(() => bridge.errors.includes('cannot be reached (ECONNREFUSED); trying again.'))
    await world.listen()
    expect(await bridge.answerTo(1)).toMatchObject({ result: {} })
    await eventually(() => bridge.errors.includes('can be reached again.'))
  })

  test('in the middle of a call leaves an error that says so, and nothing is sent twice', async () => {
    world.answer = (response) => void response.socket?.destroy()
    const bridge = world.start()
    expect(await bridge.request(1, 'tools/call', { name: 'x' })).toMatchObject({
      error: {
        code: -32000,
        message: expect.stringMatching(
          /^The connection to 127\.0\.0\.1:\d+ was lost \([^)]+\) before the response came; the request may have run\.$/,
        ),
      },
    })
    expect(world.seen).toHaveLength(1)
  })

  test.each([
    [500, '<h1>Oops</h1>', /^127\.0\.0\.1:\d+ answers with status 500$/],
    [404, '{"detail":"Nothing is here"}', /^127\.0\.0\.1:\d+ answers with status 404: Nothing is here$/],
    [307, '', /^127\.0\.0\.1:\d+ redirects to another address \(status 307\); connect to that one\.$/],
  ])('as one answers with %i is an error in words', async (status, body, message) => {
    world.answer = (response) =>
      void response.writeHead(status, { location: 'https://other.example/' }).end(body)
    const bridge = world.start()
    expect(await bridge.request(1, 'initialize')).toMatchObject({
      id: 1,
      error: { message: expect.stringMatching(message) },
    })
  })
})

test('the end of the stream is how a request of the modern era is cancelled', async () => {
  const gone = Promise.withResolvers<void>()
  world.answer = (response) => {
    events(response, ': wait\n\n')
    response.once('close', () => gone.resolve())
  }
  const bridge = world.start()
  bridge.send({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: withEnvelope({ name: 'x' }) })
  await eventually(() => world.seen.length === 1)
  bridge.send({ jsonrpc: '2.0', method: 'notifications/cancelled', params: withEnvelope({ requestId: 1 }) })
  await gone.promise
  expect([world.seen.length, bridge.lines]).toEqual([1, []])
})

test('a line that is not JSON is an error of JSON-RPC, and the next one passes', async () => {
  const bridge = world.start()
  bridge.send('{')
  expect(await bridge.answerTo(null)).toMatchObject({ error: { code: -32700 } })
  expect(await bridge.request(1, 'ping')).toMatchObject({ result: {} })
})
