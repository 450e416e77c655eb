import type { IncomingMessage } from 'node:http'
import { afterEach, expect, test } from '@jest/globals'
import { pino } from 'pino'
import { loadSettings } from '../../src/config/load.ts'
import { clientAddressOf } from '../../src/http/client-address.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'

const CLIENT = '203.0.113.7'
/** What the client itself sends, and what the proxy in front of the gateway adds to it. */
const SPOOFED = { 'x-forwarded-for': `127.0.0.1, 192.0.2.1, ${CLIENT}` }

let gateway: TestGateway | undefined
let upstream: HttpUpstream | undefined

afterEach(async () => {
  await gateway?.close()
  await upstream?.close()
})

function addressOf(proxies: string, forwarded: string | undefined, remoteAddress = '10.0.0.2'): unknown {
  const { trustedProxies } = loadSettings({ TRUSTED_PROXIES: proxies })
  const headers = { 'x-forwarded-for': forwarded }
  return clientAddressOf(trustedProxies)({ socket: { remoteAddress }, headers } as unknown as IncomingMessage)
}

test.each([
  ['no proxy', '', '203.0.113.7', '10.0.0.2'],
  ['one proxy', '1', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
  ['two proxies', '2', '198.51.100.1, 203.0.113.7, 192.0.2.9', '203.0.113.7'],
  ['more proxies than there are names', '10', '203.0.113.7, 192.0.2.9', '203.0.113.7'],
  ['a proxy that names nobody', '1', undefined, '10.0.0.2'],
  ['networks that the proxy is in', '10.0.0.0/8', '198.51.100.1, 203.0.113.7', '203.0.113.7'],
  ['networks of two proxies', '10.0.0.2, 192.0.2.0/24', '198.51.100.1,203.0.113.7,192.0.2.9', '203.0.113.7'],
  ['networks that the connection is not from', '10.1.0.0/16', '203.0.113.7', '10.0.0.2'],
  ['a client with IPv6', '1', '::1, 2001:db8::7', '2001:db8::7'],
])('with %s, the client is who the last of them was asked by', (_what, proxies, forwarded, client) => {
  expect(addressOf(proxies, forwarded)).toBe(client)
})

test('a network of IPv4 holds an address that a socket for both writes as IPv6', () => {
  expect(addressOf('10.0.0.0/8', '203.0.113.7', '::ffff:10.0.0.2')).toBe('203.0.113.7')
})

test.each([
  'unknown',
  '',
  ',',
  '203.0.113.7,',
  '203.0.113.7:4711',
  '<script>',
  'fe80::1%<script>',
  'x'.repeat(16_000),
  ','.repeat(16_000),
])('what is no address counts as nothing: %.20s', (forwarded) => {
  expect(addressOf('1', forwarded)).toBe('10.0.0.2')
  expect(addressOf('10.0.0.0/8', forwarded)).toBe('10.0.0.2')
})

test('at most ten names of a header are read, regardless of the trusted networks', () => {
  const names = Array.from({ length: 1000 }, (_, index) => `10.0.${index >> 8}.${index & 255}`)
  expect(addressOf('10.0.0.0/8', names.join(','))).toBe('10.0.3.222')
})

test.each(['0', '11', '-1', 'proxy.example', '10.0.0.0/33', '10.0.0.1:80', '10.0.0.1 10.0.0.2'])(
  'the setting cannot be %j',
  (text) => {
    expect(() => loadSettings({ TRUSTED_PROXIES: text })).toThrow('TRUSTED_PROXIES')
  },
)

test.each([
  ['on the direct path, with a proxy', 'on', '1', CLIENT],
  ['on the general path, with a proxy', 'off', '1', CLIENT],
  ['on the direct path, without one', 'on', '', '127.0.0.1'],
  ['on the general path, without one', 'off', '', '127.0.0.1'],
])('records and the log have the address of who called %s', async (_how, path, proxies, address) => {
  const lines: string[] = []
  const logger = pino({ level: 'warn' }, { write: (line) => lines.push(line) })
  const env = { DIRECT_PATH: path, TRUSTED_PROXIES: proxies }
  upstream = await modernHttp()
  gateway = await startTestGateway(
    { sample: { transport: 'streamable-http', url: upstream.url } },
    { env, logger },
  )
  const token = await gateway.token({ roles: ['auditor'] })
  // The second call is of a token that has just been verified.
  for (const call of [1, 2]) {
    const answer = await gateway.rest(
      token,
      'POST',
      '/v1/tools/sample_exotic',
      { arguments: { call } },
      SPOOFED,
    )
    expect(answer.status).toBe(200)
  }
  await gateway.rest('none', 'GET', '/v1/tools', undefined, SPOOFED)
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ msg: 'a token was refused', address })
  const { body } = await gateway.rest(token, 'GET', '/v1/audit')
  expect(body['records']).toMatchObject([{ address }, { address }])
})

test('limits count each client that a trusted proxy names, and no client by its own claim', async () => {
  const { url } = (gateway = await startTestGateway({}, { env: { TRUSTED_PROXIES: '127.0.0.1' } }))
  const register = async (client: string, count: number): Promise<number> => {
    const headers = { 'content-type': 'application/json', 'x-forwarded-for': `192.0.2.${count}, ${client}` }
    const response = await fetch(`${url}/oauth/register`, { method: 'POST', headers, body: '{}' })
    await response.text()
    return response.status
  }
  for (let count = 0; count < 60; count += 1) expect(await register(CLIENT, count)).toBe(400)
  expect(await register(CLIENT, 60)).toBe(429)
  expect(await register('203.0.113.8', 61)).toBe(400)
})
