import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { HttpListener } from '../../../src/http/listen.ts'
import { eventually } from '../../support/eventually.ts'

let listener: HttpListener
let socket: Socket
let received: string
/** Requests that were begun, and not answered. */
let begun: { readonly path: string; readonly response: ServerResponse }[]
let paths: string[]

beforeEach(async () => {
  begun = []
  paths = []
  received = ''
  listener = await HttpListener.open({ host: '127.0.0.1', port: 0 })
  listener.serve((request, response) => {
    const path = request.url ?? ''
    paths.push(path)
    begun.push({ path, response })
  })
  socket = connect(listener.port, '127.0.0.1')
  socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
  await once(socket, 'connect')
})

afterEach(async () => {
  socket.destroy()
  await listener.close(0)
})

const requests = (count: number): string =>
  Array.from({ length: count }, (_, at) => `GET /${at + 1} HTTP/1.1\r\nhost: x\r\n\r\n`).join('')

test('requests that arrive together on a connection begin one after the other, each behind the response before it', async () => {
  socket.write(requests(3))
  for (const path of ['/1', '/2', '/3']) {
    await eventually(() => begun.length > 0)
    expect(begun.map((one) => one.path)).toEqual([path])
    begun.pop()?.response.end(`answer to ${path}`)
  }
  await eventually(() => received.includes('answer to /3'))
  expect(received.match(/answer to \/\d/g)).toEqual(['answer to /1', 'answer to /2', 'answer to /3'])
})

test('a request with a body that arrives behind another one is read when its turn has come', async () => {
  listener.serve((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => response.end(`got ${body}.`))
  })
  socket.write(`${requests(1)}POST /2 HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\n\r\nhello${requests(1)}`)
  await eventually(() => received.match(/got \w*\./g)?.length === 3)
  expect(received.match(/got \w*\./g)).toEqual(['got .', 'got hello.', 'got .'])
})

test('seventeen requests at once are served, and a client that sends more is disconnected', async () => {
  socket.write(requests(17))
  for (let at = 0; at < 17; at += 1) {
    await eventually(() => begun.length > 0)
    begun.pop()?.response.end()
  }
  expect(paths.length).toBe(17)
  socket.write(requests(18))
  await once(socket, 'close')
  expect(paths.length).toBeLessThan(19)
})
