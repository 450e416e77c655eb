import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, test } from '@jest/globals'
import { networkOf } from '../../src/domain/text/client-network.ts'
import { requestLimits } from '../../src/oauth/server/request-limits.ts'
import { FakeClock } from '../support/fake-clock.ts'

test('what an address asks of one endpoint keeps it from no other one', async () => {
  const limits = requestLimits(new FakeClock())
  const app = express()
  for (const path of ['authorizations', 'tokens', 'revocations', 'registrations'] as const)
    app.get(`/${path}`, limits[path], (_request, response) => void response.end())
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const statusOf = async (path: string): Promise<number> => {
    const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/${path}`)
    await response.text()
    return response.status
  }
  for (let count = 0; count < 1200; count += 1) expect(await statusOf('authorizations')).toBe(200)
  expect(await statusOf('authorizations')).toBe(429)
  expect([await statusOf('tokens'), await statusOf('revocations'), await statusOf('registrations')]).toEqual([
    200, 200, 200,
  ])
  server.closeAllConnections()
  server.close()
})

test.each([
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['::1', '0:0:0:0'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['192.0.2.1', '192.0.2.1'],
])('a client with the address %s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network)
})
