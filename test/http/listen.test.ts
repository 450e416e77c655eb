import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { HttpListener } from '../../src/http/listen.ts'

let listener: HttpListener
let url: string

beforeEach(async () => {
  listener = await HttpListener.open({ host: '127.0.0.1', port: 0 })
  url = `http://127.0.0.1:${listener.port}`
})

afterEach(() => listener.close(0))

test('a request that comes before there is anything to serve is answered, not left waiting', async () => {
  const early = await fetch(`${url}/readyz`)
  expect([early.status, early.headers.get('retry-after'), await early.json()]).toEqual([
    503,
    '1',
    {
      type: '/errors/not_ready',
      title: 'The gateway is not ready yet',
      status: 503,
      code: 'not_ready',
      retryable: true,
    },
  ])
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
  listener.serve((_request, response) => response.end('served'))
  expect(await (await fetch(`${url}/readyz`)).text()).toBe('served')
})

test('a port that is taken is known at once', async () => {
  await expect(HttpListener.open({ host: '127.0.0.1', port: listener.port })).rejects.toMatchObject({
    code: 'EADDRINUSE',
    port: listener.port,
  })
})

test('closing ends connections whose answers do not end', async () => {
  listener.serve((_request, response) => response.write('and so on'))
  const answer = await fetch(url)
  const other = await HttpListener.open({ host: '127.0.0.1', port: 0 })
  await listener.close(0)
  await expect(answer.text()).rejects.toThrow(/terminated/)
  listener = other
})

test('closing ends connections that were upgraded, and a refused upgrade ends its connection', async () => {
  const arrived = Promise.withResolvers<void>()
  listener.serve((request, response) => {
    if (request.url === '/ws/no') response.writeHead(403).end('no')
    else arrived.resolve()
  })
  const upgrade = (path: string): Socket => {
    const socket = connect(listener.port, '127.0.0.1')
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n`)
    return socket.resume()
  }
  expect(await once(upgrade('/ws/no'), 'close')).toEqual([false])
  const held = once(upgrade('/ws'), 'close')
  await arrived.promise
  await listener.close(0)
  await held
  listener = await HttpListener.open({ host: '127.0.0.1', port: 0 })
})

test('a request with more than a hundred header fields is refused before it is served', async () => {
  listener.serve((_request, response) => response.end('served'))
  const fields = (count: number): Record<string, string> =>
    Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, '1']))
  expect((await fetch(url, { headers: fields(80) })).status).toBe(200)
  expect((await fetch(url, { headers: fields(120) })).status).toBe(431)
})
