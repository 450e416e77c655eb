import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { isPrivateAddress } from '../../src/credentials/remote/private-addresses.ts'
import { remoteFetch } from '../../src/credentials/remote/remote-fetch.ts'

let server: Server
let url: string
let asked = 0

beforeAll(async () => {
  server = createServer((request, response) => {
    asked += 1
    if (request.url === '/redirect') response.writeHead(302, { location: '/' }).end()
    else if (request.url === '/large') response.end('x'.repeat(300 * 1024))
    else response.end('small')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
})
afterAll(async () => {
  server.close()
  await once(server, 'close')
})

describe('what a server at a private address names', () => {
  const fetch = remoteFetch({ mayBePrivate: true })

  test('may be on this machine', async () => {
    expect(await (await fetch(url)).text()).toBe('small')
  })

  test('is not followed elsewhere', async () => {
    expect((await fetch(`${url}/redirect`)).status).toBe(302)
  })

  test('is read up to 256 KiB', async () => {
    await expect(fetch(`${url}/large`).then((response) => response.text())).rejects.toThrow('262144 bytes')
  })

  test('has to be https elsewhere', async () => {
    await expect(fetch('http://192.0.2.1/')).rejects.toThrow('is not an https address')
  })
})

describe('what a server on the Internet names', () => {
  const fetch = remoteFetch({ mayBePrivate: false })

  test.each([
    'http://127.0.0.1:1/',
    'https://localhost/',
    'https://10.0.0.1/',
    'https://169.254.169.254/computeMetadata/v1/',
    'https://[::1]/',
    'https://[::ffff:10.0.0.1]/',
    'https://[fd00::1]/',
    'https://2130706433/',
    'https://0x7f.1/',
  ])('is not asked at %s', async (target) => {
    await expect(fetch(target)).rejects.toThrow(
      /never connected to|only addresses of the Internet|is not an https address/,
    )
  })

  test('is not asked where a name leads to this machine', async () => {
    const before = asked
    await expect(fetch(url.replace('127.0.0.1', 'localhost'))).rejects.toThrow('of the Internet')
    expect(asked).toBe(before)
  })
})

test.each([
  ['8.8.8.8', false],
  ['2001:4860:4860::8888', false],
  ['100.64.0.1', true],
  ['172.31.255.255', true],
  ['172.32.0.1', false],
  ['0.0.0.0', true],
  ['224.0.0.1', true],
  ['fe80::1', true],
  ['::ffff:192.168.0.1', true],
  ['64:ff9b::a00:1', true],
  ['not an address', true],
])('of %s it is %p that it is private', (address, isPrivate) => {
  expect(isPrivateAddress(address)).toBe(isPrivate)
})
