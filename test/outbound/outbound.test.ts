import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parseDestination } from '../../src/domain/outbound/destination.ts'
import type { OutboundPolicy } from '../../src/domain/outbound/outbound-policy.ts'
import type { Resolve } from '../../src/outbound/checked-connector.ts'
import { Outbound } from '../../src/outbound/outbound.ts'

let server: Server
let port = 0
let asked: string[] = []
const opened: Outbound[] = []

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(`${request.headers.host} ${request.url}`)
    if (request.url === '/redirect') response.writeHead(302, { location: 'http://other.example/' }).end()
    else if (request.url === '/large') response.end('x'.repeat(2000))
    else if (request.url === '/never') response.write('x')
    else if (request.url === '/last') response.writeHead(200, { connection: 'close' }).end()
    else response.end('here')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  port = (server.address() as AddressInfo).port
})
afterAll(async () => {
  for (const outbound of opened) await outbound.close()
  server.closeAllConnections()
  server.close()
  await once(server, 'close')
})

/** Names lead to the addresses that are given, one lookup after the other. */
function open(
  policy: Partial<OutboundPolicy>,
  ...lookups: string[][]
): { outbound: Outbound; names: string[] } {
  const names: string[] = []
  const resolve: Resolve = (host, done) => {
    const found = lookups[Math.min(names.length, lookups.length - 1)] ?? []
    names.push(host)
    done(
      null,
      found.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
  }
  const outbound = new Outbound({ policy: { addresses: 'public', allow: [], ports: [], ...policy }, resolve })
  opened.push(outbound)
  asked = []
  return { outbound, names }
}

function allow(...texts: string[]): Partial<OutboundPolicy> {
  return { allow: texts.flatMap((text) => parseDestination(text) ?? []) }
}

test('a connection goes to the address that was checked, under the name that was asked for', async () => {
  const { outbound, names } = open(allow('127.0.0.0/8'), ['127.0.0.1'])
  const response = await outbound.fetch(`http://tools.example:${port}/mcp`)
  expect(await response.text()).toBe('here')
  expect(asked).toEqual([`tools.example:${port} /mcp`])
  expect(names).toEqual(['tools.example'])
})

test('a name that leads inside is refused after the lookup, and nothing is sent', async () => {
  const { outbound } = open({ ...allow('10.0.0.0/8') }, ['127.0.0.1'])
  await expect(outbound.fetch(`http://tools.example:${port}/`)).rejects.toMatchObject({
    name: 'OutboundRefused',
    message: 'tools.example is at an address of this machine, which the setting OUTBOUND_ALLOW does not list',
  })
  expect(asked).toEqual([])
})

test('a name with one address that is not allowed among others is refused', async () => {
  const { outbound } = open(allow('127.0.0.1'), ['127.0.0.1', '10.0.0.1'])
  await expect(outbound.fetch(`http://tools.example:${port}/`)).rejects.toThrow('private network')
  const mapped = open(allow('127.0.0.1'), ['127.0.0.1', '::ffff:a9fe:a9fe'])
  await expect(mapped.outbound.fetch(`http://tools.example:${port}/`)).rejects.toThrow('never connected to')
  expect(asked).toEqual([])
})

test('a name that leads elsewhere at its next lookup is refused then', async () => {
  const { outbound, names } = open(allow('127.0.0.1'), ['127.0.0.1'], ['169.254.169.254'])
  await (await outbound.fetch(`http://rebinding.example:${port}/last`)).text()
  await expect(outbound.fetch(`http://rebinding.example:${port}/`)).rejects.toThrow('never connected to')
  expect(names).toEqual(['rebinding.example', 'rebinding.example'])
  expect(asked).toEqual([`rebinding.example:${port} /last`])
})

test('an address is refused without a lookup', async () => {
  const { outbound, names } = open({})
  for (const url of [`http://127.0.0.1:${port}/`, `https://[::1]:${port}/`, 'https://localhost/'])
    await expect(outbound.fetch(url)).rejects.toMatchObject({ name: 'OutboundRefused' })
  expect(names).toEqual([])
  expect(asked).toEqual([])
})

test('a redirect is not followed', async () => {
  const { outbound, names } = open(allow('127.0.0.1'), ['127.0.0.1'])
  const response = await outbound.fetch(`http://tools.example:${port}/redirect`)
  expect(response.status).toBe(302)
  await response.body?.cancel()
  expect(names).toEqual(['tools.example'])
})

test('a body is read up to its limit, and until its deadline', async () => {
  const { outbound } = open(allow('127.0.0.1'), ['127.0.0.1'])
  const large = await outbound.fetch(`http://tools.example:${port}/large`, { maxBytes: 1000 })
  await expect(large.text()).rejects.toThrow('the response has more than 1000 bytes')
  const late = await outbound.fetch(`http://tools.example:${port}/never`, { timeoutMs: 200 })
  await expect(late.text()).rejects.toMatchObject({ name: 'TimeoutError' })
})

test('endpoints that a cluster names may be in private networks, but not on this machine', () => {
  const { outbound } = open({})
  const discovered = outbound.of({ isDiscovered: true })
  expect(() => discovered.check(new URL('http://10.4.0.7:8080/mcp'))).not.toThrow()
  expect(() => outbound.of({}).check(new URL('http://10.4.0.7:8080/mcp'))).toThrow('private network')
  expect(() => discovered.check(new URL('http://127.0.0.1:8080/mcp'))).toThrow('this machine')
  expect(() => discovered.check(new URL('http://169.254.169.254/mcp'))).toThrow('never connected to')
})
