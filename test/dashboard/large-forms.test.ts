import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { eventually } from '../support/eventually.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { cookieOf, csrfOf } from './sign-in.ts'

const SESSIONS = '/dashboard/sessions'
const EDIT = '/dashboard/servers/shop/edit'

let app: TestApp
let cookie: string
beforeAll(async () => {
  app = await openTestApp(
    { shop: { transport: 'streamable-http', url: 'https://shop.example/mcp', enabled: false } },
    { env: { MAX_BODY_BYTES_IN_PROGRESS: '1048576' } },
  )
  cookie = cookieOf(app, ['operator'])
})
afterAll(() => app.close())

/** Sends a form that has so many bytes. */
async function send(path: string, bytes: number) {
  const start = `csrf=${await csrfOf(app, cookie)}&document=`
  return await app.request
    .post(path)
    .type('form')
    .set({ cookie })
    .send(start + 'x'.repeat(bytes - start.length))
}

/** Sends a form of so many bytes but for its last one. */
async function begin(path: string, bytes: number): Promise<Socket> {
  const { hostname, port } = new URL(app.url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const head = [
    `POST ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    `cookie: ${cookie}`,
    'content-type: application/x-www-form-urlencoded',
    `content-length: ${bytes}`,
  ]
  socket.write(`${head.join('\r\n')}\r\n\r\n${'x'.repeat(bytes - 1)}`)
  return socket
}

describe('a form', () => {
  test('has at most 256 KB, and a page says so', async () => {
    expect((await send(SESSIONS, 262_144)).status).toBe(200)
    const { status, text } = await send(SESSIONS, 262_145)
    expect(status).toBe(413)
    expect(text).toContain('A form of this page has at most 262144 bytes')
  })

  test('that does not state its length has no more', async () => {
    const start = app.request.post(SESSIONS).type('form').set({ cookie, 'transfer-encoding': 'chunked' })
    start.write('x'.repeat(262_145))
    const { status, text } = await start
    expect(status).toBe(413)
    expect(text).toContain('A form of this page has at most 262144 bytes')
  })

  test('with a document may be as large as a request of REST', async () => {
    const { status, text } = await send(EDIT, 900_000)
    expect(status).toBe(200)
    expect(text).toContain('This is not a JSON object')
    expect((await send(EDIT, 4_194_305)).status).toBe(413)
  })

  test('finds no room while other forms of the tenant hold the memory for large requests', async () => {
    const others = await Promise.all([begin(EDIT, 400_000), begin(EDIT, 100_000)])
    await eventually(async () => (await send(SESSIONS, 250_000)).status === 503)
    expect((await send(SESSIONS, 250_000)).text).toContain(
      'Large requests in progress leave no memory for this one',
    )
    expect((await send(SESSIONS, 10_000)).status).toBe(200)
    for (const other of others) other.destroy()
    await eventually(async () => (await send(SESSIONS, 250_000)).status === 200)
  })
})
