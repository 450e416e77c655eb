import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import { afterEach, describe, expect, test } from '@jest/globals'
import { type DocumentAccess, fetchDocument } from '../../src/oauth/clients/metadata-document.ts'
import { isPublicAddress } from '../../src/domain/public-address.ts'
import { CLIENT_HOST_TLS } from '../support/client-host-tls.ts'

let close: (() => void) | undefined
afterEach(() => close?.())

/** A server that stands for `client.example`, and how it is reached. */
async function clientHost(listener: RequestListener): Promise<{ url: string; access: DocumentAccess }> {
  const server = createServer(CLIENT_HOST_TLS, listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  close = () => {
    server.close()
    server.closeAllConnections()
  }
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : 0
  return {
    url: `https://client.example:${port}/client.json`,
    access: {
      resolve: () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]),
      isAllowed: () => true,
      ca: CLIENT_HOST_TLS.cert,
    },
  }
}

const json: RequestListener = (_request, response) => {
  response.setHeader('content-type', 'application/json').end('{"client_id":"x"}')
}

describe('a metadata document', () => {
  test('is the text of the host that was looked up', async () => {
    const { url, access } = await clientHost(json)
    expect(await fetchDocument(url, access)).toBe('{"client_id":"x"}')
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
      const { url, access } = await clientHost(listener)
      await expect(fetchDocument(url, access)).rejects.toThrow(message)
    },
  )

  test('is not fetched from a host that has one private address among public ones', async () => {
    let asked = 0
    const { url, access } = await clientHost((request, response) => {
      asked += 1
      json(request, response)
    })
    const mixed: DocumentAccess = {
      ...access,
      resolve: () =>
        Promise.resolve([
          { address: '93.184.216.34', family: 4 },
          { address: '10.0.0.1', family: 4 },
        ]),
      isAllowed: isPublicAddress,
    }
    await expect(fetchDocument(url, mixed)).rejects.toThrow('client.example is not on the public internet')
    expect(asked).toBe(0)
  })

  test('is asked for at the address that was checked, whatever the name leads to a moment later', async () => {
    const { url, access } = await clientHost(json)
    let lookups = 0
    const rebinding: DocumentAccess = {
      ...access,
      resolve: () => {
        lookups += 1
        return Promise.resolve([{ address: lookups === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }])
      },
    }
    await fetchDocument(url, rebinding)
    expect(lookups).toBe(1)
  })

  test('is fetched over https only, and with a certificate that counts', async () => {
    const { url, access } = await clientHost(json)
    await expect(fetchDocument(url.replace('https:', 'http:'), access)).rejects.toThrow('served over https')
    const { ca: _ca, ...untrusting } = access
    await expect(fetchDocument(url, untrusting)).rejects.toThrow('self-signed certificate')
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
