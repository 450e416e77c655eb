import { once } from 'node:events'
import { createServer, request } from 'node:http'
import { expect, test } from '@jest/globals'
import { startMetricsEndpoint } from '../../../src/telemetry/metrics/metrics-endpoint.ts'

const metrics = { text: () => Promise.resolve('up 1\n') }

async function start(source: { text(): Promise<string> } = metrics, host = '127.0.0.1') {
  const endpoint = await startMetricsEndpoint({ metrics: source, host, port: 0 })
  return Object.assign(endpoint, { [Symbol.asyncDispose]: () => endpoint.close() })
}

test('serves the metrics in the text format of Prometheus', async () => {
  await using endpoint = await start()
  const response = await fetch(`${endpoint.url}?debug=1`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  expect(await response.text()).toBe('up 1\n')
})

test.each([
  ['GET', '/'],
  ['GET', '/metrics/'],
  ['GET', '/healthz'],
  ['POST', '/metrics'],
  ['DELETE', '/metrics'],
])('answers %s %s with 404', async (method, path) => {
  await using endpoint = await start()
  expect((await fetch(new URL(path, endpoint.url), { method })).status).toBe(404)
})

test('answers a page whose name was rebound to this machine with 403', async () => {
  await using endpoint = await start()
  const ask = async (host: string): Promise<number | undefined> => {
    const answered = Promise.withResolvers<number | undefined>()
    request(endpoint.url, { headers: { host } }, (answer) => {
      answer.resume()
      answered.resolve(answer.statusCode)
    }).end()
    return await answered.promise
  }
  expect([await ask('evil.example:9464'), await ask('localhost:9464'), await ask('[::1]')]).toEqual([
    403, 200, 200,
  ])
})

test('answers 500 without a reason when the metrics cannot be had', async () => {
  await using endpoint = await start({ text: () => Promise.reject(new Error('secret')) })
  const response = await fetch(endpoint.url)
  expect(response.status).toBe(500)
  expect(await response.text()).toBe('')
})

test('says so when the port is in use', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const address = other.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  await expect(startMetricsEndpoint({ metrics, host: '127.0.0.1', port })).rejects.toThrow(
    `metrics cannot be served on 127.0.0.1 port ${port}: the port is in use; choose another METRICS_PORT, or \`off\``,
  )
  other.close()
})

test('says so when the address is not of this machine', async () => {
  await expect(startMetricsEndpoint({ metrics, host: '192.0.2.1', port: 0 })).rejects.toThrow(
    /^metrics cannot be served on 192\.0\.2\.1 port 0: .*EADDRNOTAVAIL/,
  )
})

test('closes with a connection open, however often it is called', async () => {
  const endpoint = await start()
  const response = await fetch(endpoint.url, { headers: { connection: 'keep-alive' } })
  await response.text()
  await Promise.all([endpoint.close(), endpoint.close()])
  await expect(fetch(endpoint.url)).rejects.toThrow('fetch failed')
})
