import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import pino from 'pino'
import { WebSocket as SocketWithHeaders } from 'ws'
import { eventually } from '../support/eventually.ts'
import { initialize } from '../support/raw-mcp.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

let upstream: HttpUpstream
let gateway: TestGateway
let token: string
let log = ''

beforeAll(async () => {
  upstream = await modernHttp()
  const logger = pino({ level: 'trace' }, { write: (line: string) => void (log += line) })
  gateway = await startTestGateway(
    { sample: { transport: 'streamable-http', url: upstream.url } },
    { logger },
  )
  token = await gateway.token()
})

afterAll(async () => {
  await gateway.close()
  await upstream.close()
})

interface Issued {
  readonly ticket: string
  readonly url: string
  readonly path: string
  readonly subprotocols: string[]
  readonly expiresAt: string
}

async function ticketFor(path?: string, as = token): Promise<Issued> {
  const { status, headers, body } = await gateway.rest(as, 'POST', '/v1/tickets', path && { path })
  expect([status, headers.get('cache-control')]).toEqual([201, 'no-store'])
  return body as unknown as Issued
}

/** A WebSocket as a page opens it, which sends no header of its own; resolves with the first answer. */
async function firstAnswer(url: string, protocols: string | string[] = 'mcp'): Promise<unknown> {
  const socket = new WebSocket(url, protocols)
  const answer = new Promise((resolve, reject) => {
    socket.onmessage = ({ data }) => resolve(JSON.parse(String(data)))
    socket.onerror = () => reject(new Error('refused'))
  })
  socket.onopen = () => socket.send(JSON.stringify(initialize(1)))
  try {
    return await answer
  } finally {
    socket.close()
  }
}

async function refusal(url: string): Promise<[status: number | undefined, text: string]> {
  const socket = new SocketWithHeaders(url, 'mcp')
  socket.on('error', () => undefined)
  const [, answer] = (await once(socket, 'unexpected-response')) as [
    unknown,
    NodeJS.ReadableStream & { statusCode?: number },
  ]
  let text = ''
  for await (const chunk of answer) text += String(chunk)
  return [answer.statusCode, text]
}

const HELLO = { id: 1, result: { serverInfo: { name: 'tool-gateway' } } }

describe('a ticket', () => {
  test('in the address opens the WebSocket of a page, once', async () => {
    const { url, path, expiresAt } = await ticketFor()
    expect([path, Date.parse(expiresAt) > Date.now()]).toEqual(['/ws', true])
    expect(await firstAnswer(url)).toMatchObject(HELLO)
    const [status, text] = await refusal(url)
    expect([status, JSON.parse(text)]).toMatchObject([
      401,
      { code: 'invalid_ticket', detail: 'The ticket has been used.' },
    ])
  })

  test('as a subprotocol opens it, too, and is not repeated in the answer', async () => {
    const { subprotocols } = await ticketFor('/ws/sample')
    const url = `${gateway.url.replace('http', 'ws')}/ws/sample`
    const socket = new WebSocket(url, subprotocols)
    await once(socket as unknown as EventTarget, 'open')
    expect(socket.protocol).toBe('mcp')
    socket.close()
  })

  test('for one path opens no other', async () => {
    const { url } = await ticketFor('/ws/sample')
    const [status, text] = await refusal(url.replace('/ws/sample', '/ws'))
    expect([status, JSON.parse(text)]).toMatchObject([
      401,
      { code: 'invalid_ticket', detail: 'The ticket is for a different path of this gateway.' },
    ])
  })

  test('speaks for its principal, with no more rights', async () => {
    const stranger = await gateway.token({ tenantId: 'globex' })
    const { url } = await ticketFor('/ws/sample', stranger)
    const [status, text] = await refusal(url)
    expect([status, JSON.parse(text)]).toMatchObject([404, { code: 'server_not_found' }])
  })

  test('is not taken for anything but a WebSocket', async () => {
    const { ticket } = await ticketFor()
    const answer = await fetch(`${gateway.url}/v1/tools?ticket=${ticket}`)
    expect(answer.status).toBe(401)
    expect((await fetch(`${gateway.url}/ws?ticket=${ticket}`)).status).toBe(401)
  })

  test('is in no line of the log, used or refused', async () => {
    const { ticket, url } = await ticketFor()
    await firstAnswer(url)
    await refusal(url)
    await eventually(() => log.includes('The ticket has been used.'))
    expect(log).not.toContain(ticket.slice(0, 60))
  })

  test.each([['/mcp'], ['/ws/'], ['/ws/sample/more'], ['//evil.example/ws']])(
    'is not issued for %s',
    async (path) => {
      const { status, body } = await gateway.rest(token, 'POST', '/v1/tickets', { path })
      expect([status, body['code']]).toEqual([400, 'invalid_request'])
    },
  )

  test('is issued to who has a token only', async () => {
    expect((await gateway.rest(undefined, 'POST', '/v1/tickets')).status).toBe(401)
    const { status, headers } = await gateway.rest(token, 'GET', '/v1/tickets')
    expect([status, headers.get('allow')]).toEqual([405, 'POST'])
  })
})
