import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { afterEach, describe, expect, test } from '@jest/globals'
import { ANYWHERE, INTERNET_ONLY, type OutboundPolicy } from '../../src/domain/outbound/outbound-policy.ts'
import { fetchDocument } from '../../src/oauth/clients/metadata-document.ts'
import { Outbound } from '../../src/outbound/outbound.ts'
import { isPublicAddress } from '../../src/domain/public-address.ts'
import { CLIENT_HOST_TLS } from '../support/client-host-tls.ts'

const closing: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()))
})

/** Requests for which every name leads to these addresses. */
function leadingTo(
  addresses: readonly string[],
  options: { policy?: OutboundPolicy; ca?: string } = {},
): Outbound {
  const { policy = ANYWHERE, ca } = options
  const outbound = new Outbound({
    policy,
    ...(ca !== undefined && { ca }),
    resolve: (_host, done) =>
      done(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      ),
  })
  closing.push(() => outbound.close())
  return outbound
}

/** A server that stands for `client.example`; resolves with the address of its document. */
async function clientHost(listener: RequestListener): Promise<string> {
  const server = createServer(CLIENT_HOST_TLS, listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  const address = server.address()
  return `https://client.example:${typeof address === 'object' ? address?.port : 0}/client.json`
}

const here = (): Outbound => leadingTo(['127.0.0.1'], { ca: CLIENT_HOST_TLS.cert })

const json: RequestListener = (_request, response) => {
  response.setHeader('content-type', 'application/json').end('{"client_id":"x"}')
}

describe('a metadata document', () => {
  test('is the text of the host that was looked up', async () => {
    const url = await clientHost(json)
    expect(await fetchDocument(url, here())).toBe('{"client_id":"x"}')
  })

  test.each([
    [
      'is a redirect',
      (_request, response) => response.writeHead(302, { location: 'https://client.example/' }).end(),
      'it answered with status 302',
    ],
    ['is missing', (_request, response) => response.writeHead(404).end(), 'it answered with status 404'],
    [
      'is HTML',
      (_request, response) => response.setHeader('content-type', 'text/html').end('<p>'),
      'it is not JSON',
    ],
    [
      'is too large',
      (_request, response) =>
        response.setHeader('content-type', 'application/json').end(`"${'x'.repeat(65_536)}"`),
      'it has more than 65536 bytes',
    ],
  ] as const satisfies readonly (readonly [string, RequestListener, string])[])(
    'is refused when it %s',
    async (_what, listener, message) => {
      const url = await clientHost(listener)
      await expect(fetchDocument(url, here())).rejects.toThrow(message)
    },
  )

  test.each([
    ['has one private address among public ones', ['93.184.216.34', '10.0.0.1']],
    ['is this machine', ['127.0.0.1']],
  ])('is not fetched from a host that %s', async (_what, addresses) => {
    let asked = 0
    const url = await clientHost((request, response) => {
      asked += 1
      json(request, response)
    })
    const strangers = leadingTo(addresses, { policy: INTERNET_ONLY, ca: CLIENT_HOST_TLS.cert })
    await expect(fetchDocument(url, strangers)).rejects.toMatchObject({
      name: 'OutboundRefused',
      message: expect.stringContaining('only addresses of the Internet are allowed here'),
    })
    expect(asked).toBe(0)
  })

  test('is fetched over https only, and with a certificate that counts', async () => {
    const url = await clientHost(json)
    await expect(fetchDocument(url.replace('https:', 'http:'), here())).rejects.toThrow('served over https')
    await expect(fetchDocument(url, leadingTo(['127.0.0.1']))).rejects.toMatchObject({
      cause: { message: expect.stringContaining('self-signed certificate') },
    })
  })
})

test.each([
  ['93.184.216.34', true],
  ['2606:2800:220:1:248:1893:25c8:1946', true],
  ['127.0.0.1', false],
  ['10.1.2.3', false],
  ['172.31.0.1', false],
  ['192.168.1.1', false],
  ['169.254.169.254', false],
  ['100.64.0.1', false],
  ['0.0.0.0', false],
  ['224.0.0.1', false],
  ['255.255.255.255', false],
  ['::1', false],
  ['::', false],
  ['::ffff:93.184.216.34', false],
  ['64:ff9b::a9fe:a9fe', false],
  ['2002:7f00:1::', false],
  ['fc00::1', false],
  ['fe80::1', false],
  ['ff02::1', false],
  ['client.example', false],
])('%s is an address of the public internet: %p', (address, isPublic) => {
  expect(isPublicAddress(address)).toBe(isPublic)
})
