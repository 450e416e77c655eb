import { once } from 'node:events'
import type { Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { answering, ended, EVENTS, JSON_TYPE, Posting, send } from '../../support/posting.ts'

const posting = new Posting()

afterEach(() => posting.close())

describe('a request', () => {
  test('has the headers of the connection, its own, and the body as it is', async () => {
    let body = ''
    const { post, upstream } = await posting.open(
      async (request, response) => {
        body = await text(request)
        response.writeHead(200, JSON_TYPE).end('{}')
      },
      {
        headers: {
          'x-team': 'blue',
          accept: 'text/x, Application/JSON',
          cookie: 'own=1',
          'accept-encoding': 'gzip',
        },
        via: '1.1 gateway',
        query: '?key=a%20b',
      },
    )
    const sent = send(post, ['mcp-method', 'tools/call', 'mcp-param-region', 'eu'], '{"é":"😀"}')
    expect(await ended(sent)).toBeUndefined()
    expect(body).toBe('{"é":"😀"}')
    expect(upstream.seen[0]?.method).toBe('POST')
    expect(upstream.seen[0]?.headers).toMatchObject({
      'x-team': 'blue',
      accept: 'text/x, application/json, text/event-stream',
      'accept-encoding': 'identity',
      'content-type': 'application/json',
      'content-length': '13',
      cookie: 'own=1',
      'mcp-method': 'tools/call',
      'mcp-param-region': 'eu',
      via: '1.1 gateway',
    })
  })

  test('brings back the cookies that earlier responses have set, refusals too, behind those of the operator', async () => {
    let status = 503
    const { post, upstream } = await posting.open(
      (_request, response) =>
        response
          .writeHead(status, { ...JSON_TYPE, 'set-cookie': ['replica=b; Path=/', 'own=theirs'] })
          .end('{}'),
      { headers: { Cookie: 'own=1' } },
    )
    await ended(send(post))
    status = 200
    await ended(send(post))
    expect(upstream.seen.map(({ headers }) => headers.cookie)).toEqual(['own=1', 'own=1; replica=b'])
  })

  test('that is ended reports nothing any more, and ends its exchange', async () => {
    const gone = Promise.withResolvers<void>()
    let arrived = 0
    const { post } = await posting.open((_request, response) => {
      response.once('close', () => gone.resolve())
      response.writeHead(200, EVENTS).write('data: a\n\n')
      arrived += 1
    })
    const sent = send(post)
    await eventually(() => arrived === 1 && sent.messages.length === 1)
    sent.end()
    sent.end()
    await gone.promise
    expect([sent.messages, sent.ends]).toEqual([['a'], []])
  })

  test('that is ended before it is sent reports nothing', async () => {
    const { post } = await posting.open(answering(200, JSON_TYPE, '{}'))
    const sent = send(post)
    sent.end()
    await ended(send(post))
    expect([sent.messages, sent.ends]).toEqual([[], []])
  })

  test('ends with the connection', async () => {
    const { post, upstream } = await posting.open(() => undefined)
    const sent = [send(post), send(post)]
    await eventually(() => upstream.seen.length === 2)
    post.close()
    for (const each of sent)
      expect(await ended(each)).toMatchObject({ name: 'TypeError', message: 'fetch failed' })
    const late = send(post)
    expect(await ended(late)).toMatchObject({ name: 'TypeError' })
  })
})

describe('a response', () => {
  test.each([
    ['JSON', JSON_TYPE, '{"a":1}', ['{"a":1}']],
    ['JSON of another spelling', { 'content-type': 'Application/JSON ;charset=utf-8' }, '{}', ['{}']],
    ['an event stream', EVENTS, ': hi\n\ndata: a\n\ndata: b\n\n', ['a', 'b']],
    [
      'an event stream with parameters',
      { 'content-type': 'text/event-stream; charset=utf-8' },
      'data: a\n\n',
      ['a'],
    ],
    ['JSON that says that it is not encoded', { ...JSON_TYPE, 'content-encoding': 'identity' }, '{}', ['{}']],
    ['an event stream without events', EVENTS, '', []],
    ['a half event', EVENTS, 'data: a', []],
    ['an empty body', JSON_TYPE, '', ['']],
  ])('is read: %s', async (_what, headers, body, messages) => {
    const { post } = await posting.open(answering(200, headers, body))
    const sent = send(post)
    expect(await ended(sent)).toBeUndefined()
    expect(sent.messages).toEqual(messages)
  })

  test.each([
    [202, JSON_TYPE, { name: 'NoAnswer', status: 202 }],
    [204, JSON_TYPE, { name: 'NoAnswer', status: 204 }],
    [301, { location: '/x' }, { name: 'Redirected' }],
    [307, { location: '/x' }, { name: 'Redirected' }],
    [308, JSON_TYPE, { name: 'Redirected' }],
    [200, { 'content-type': 'text/html' }, { name: 'SdkError', code: 'CLIENT_HTTP_UNEXPECTED_CONTENT' }],
    [200, {}, { name: 'SdkError', code: 'CLIENT_HTTP_UNEXPECTED_CONTENT' }],
    [200, { ...JSON_TYPE, 'content-encoding': 'gzip' }, { name: 'SdkError' }],
    [200, { ...JSON_TYPE, 'content-encoding': 'unheard-of' }, { name: 'SdkError' }],
    [
      400,
      JSON_TYPE,
      { name: 'SdkHttpError', data: { status: 400, statusText: 'Bad Request', text: 'body' } },
    ],
    [401, JSON_TYPE, { name: 'SdkHttpError', data: { status: 401, text: 'body' } }],
    [404, EVENTS, { name: 'SdkHttpError', data: { status: 404, text: 'body' } }],
    [503, { 'content-type': 'text/html' }, { name: 'SdkHttpError', data: { status: 503, text: 'body' } }],
  ])('that is HTTP %i %j is a failure, and no message', async (status, headers, failure) => {
    const { post } = await posting.open(answering(status, headers, status === 204 ? '' : 'body'))
    const sent = send(post)
    expect(await ended(sent)).toMatchObject(failure)
    expect([sent.messages, sent.ends.length]).toEqual([[], 1])
  })

  test('that breaks is a failure behind what came before', async () => {
    const { post } = await posting.open((_request, response) => {
      response.writeHead(200, EVENTS)
      response.write('data: a\n\ndata: b', () => response.destroy())
    })
    const sent = send(post)
    expect(await ended(sent)).toMatchObject({ name: 'TypeError', message: 'fetch failed' })
    expect(sent.messages).toEqual(['a'])
  })

  test('that could be resumed says so', async () => {
    const { post } = await posting.open(answering(200, EVENTS, 'id: 1\ndata: a\n\n'))
    const sent = send(post)
    await ended(sent)
    expect(sent.resumable).toBe(1)
  })

  test.each([
    ['JSON', JSON_TYPE, `"${'x'.repeat(300)}"`],
    ['an event', EVENTS, `data: ${'x'.repeat(300)}\n\n`],
  ])('that is larger than the limit ends: %s', async (_what, headers, body) => {
    const { post } = await posting.open(
      (_request, response) => {
        response.writeHead(200, headers).write(body)
      },
      { maxBytes: 200 },
    )
    const sent = send(post)
    expect(await ended(sent)).toMatchObject({ name: 'ResponseTooLarge' })
    expect(sent.messages).toEqual([])
  })

  test('may have any number of events within the limit', async () => {
    const { post } = await posting.open(answering(200, EVENTS, `data: ${'x'.repeat(90)}\n\n`.repeat(100)), {
      maxBytes: 100,
    })
    const sent = send(post)
    expect(await ended(sent)).toBeUndefined()
    expect(sent.messages).toHaveLength(100)
  })

  test('may be preceded by an early one', async () => {
    const { post } = await posting.open((_request, response) => {
      response.writeEarlyHints({ link: '</x>; rel=preload' })
      response.writeHead(200, JSON_TYPE).end('{}')
    })
    const sent = send(post)
    expect(await ended(sent)).toBeUndefined()
    expect(sent.messages).toEqual(['{}'])
  })

  test('of a refusal is kept to its first 64 KiB', async () => {
    const { post } = await posting.open(answering(500, JSON_TYPE, 'x'.repeat(1_000_000)))
    const failure = (await ended(send(post))) as { data: { text: string } }
    expect(failure.data.text.length).toBeLessThanOrEqual(64 * 1024)
  })
})

test('a server that is not there is a failure with its reason', async () => {
  const { post, upstream } = await posting.open(answering(200, JSON_TYPE))
  await upstream.close()
  expect(await ended(send(post))).toMatchObject({ name: 'TypeError', cause: { code: 'ECONNREFUSED' } })
})

test('requests of one connection use its sockets again', async () => {
  const sockets = new Set<Socket>()
  const { post } = await posting.open((request, response) => {
    sockets.add(request.socket)
    response.writeHead(200, JSON_TYPE).end('{}')
  })
  for (let i = 0; i < 5; i += 1) await ended(send(post))
  expect(sockets.size).toBe(1)
  const [socket] = sockets
  post.close()
  if (socket !== undefined && !socket.destroyed) await once(socket, 'close')
})
