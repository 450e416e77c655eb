import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import pino from 'pino'
import { type ConnectionLimits, Connections } from '../../../src/http/connections/connections.ts'
import { HttpListener } from '../../../src/http/listen.ts'
import { describeWhere } from '../../support/describe-where.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'

let clock: FakeClock
let limits: ConnectionLimits
let lines: string[]
let connections: Connections
let listener: HttpListener
let sockets: Socket[]
let held: number

beforeEach(async () => {
  clock = new FakeClock()
  limits = { total: 4, perAddress: 3 }
  lines = []
  sockets = []
  held = 0
  connections = new Connections({
    limits,
    limitsNow: () => Promise.resolve(limits),
    clock,
    logger: pino({}, { write: (line) => void lines.push(line) }),
  })
  listener = await HttpListener.open({ host: '127.0.0.1', port: 0, connections })
  listener.serve((request, response) => {
    if (request.url === '/hold') held += 1
    else response.end('ok')
  })
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await listener.close(0)
})

/** A connection from one of the addresses of loopback. They are accepted in the order in which they are made. */
async function open(from = '127.0.0.1'): Promise<Socket> {
  const socket = connect({ port: listener.port, host: '127.0.0.1', localAddress: from })
  socket.on('error', () => undefined)
  socket.resume()
  sockets.push(socket)
  await once(socket, 'connect')
  return socket
}

async function send(socket: Socket, path: string): Promise<void> {
  const before = held
  socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`)
  if (path === '/hold') await eventually(() => held > before)
  else await once(socket, 'data')
}

const ended = async (socket: Socket): Promise<void> => {
  if (!socket.closed) await once(socket, 'close')
}

async function statusOf(from: string): Promise<number> {
  const socket = await open(from)
  socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
  const [data] = (await once(socket, 'data')) as [Buffer]
  return Number(data.toString().slice(9, 12))
}

describe('an address that has as many connections as allowed', () => {
  test('is served while one of them is idle: one that never sent a request is closed first', async () => {
    const asked = await open()
    await send(asked, '/')
    const [first, second] = [await open(), await open()]
    expect(await statusOf('127.0.0.1')).toBe(200)
    await ended(first)
    expect([asked.closed, second.closed]).toEqual([false, false])
  })

  test('is refused more while all are at work, and does not cost another address anything', async () => {
    for (let count = 0; count < 3; count += 1) await send(await open(), '/hold')
    await ended(await open())
    expect(await statusOf('127.0.0.2')).toBe(200)
    expect(connections.open).toBe(4)
  })
})

test('at the limit of all connections, the longest idle one is closed for a new one', async () => {
  const first = await open('127.0.0.1')
  for (const from of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) await open(from)
  expect(await statusOf('127.0.0.4')).toBe(200)
  await ended(first)
})

test('a limit of the system that has become smaller ends what is idle, and the log says so once a minute', async () => {
  for (const from of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) await open(from)
  limits = { total: 1, perAddress: 1 }
  await eventually(() => connections.open === 3)
  await clock.advance(200)
  await eventually(() => connections.open <= 1)
  await open('127.0.0.4')
  await open('127.0.0.5')
  await open('127.0.0.6')
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual([
    'the connection limit is reached; idle connections are closed, further ones are rejected',
  ])
})

// Elsewhere the system does not say its limits.
describeWhere(process.platform === 'linux', 'Linux')('descriptors', () => {
  test('connections that use up every descriptor before their bound is known are closed, and the next one is served', async () => {
    const program = join(import.meta.dirname, '../../support/upstreams/listening-process.ts')
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const [printed] = (await once(child.stdout, 'data')) as [Buffer]
      const port = Number(printed)
      await promisify(execFile)('prlimit', ['--pid', String(child.pid), '--nofile=160'])
      const idle = Array.from({ length: 300 }, () => connect(port, '127.0.0.1').on('error', () => undefined))
      sockets.push(...idle)
      await eventually(() => answers(port))
      expect(idle.filter(({ destroyed }) => !destroyed).length).toBeLessThan(160)
    } finally {
      child.kill()
      await once(child, 'exit')
    }
  })
})

function answers(port: number): Promise<boolean> {
  return fetch(`http://127.0.0.1:${port}`).then(
    ({ ok }) => ok,
    () => false,
  )
}
