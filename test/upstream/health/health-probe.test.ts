import { Outbound } from '../../../src/outbound/outbound.ts'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from '@jest/globals'
import { systemClock } from '../../../src/domain/clock.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { createConnector } from '../../../src/upstream/connection/connect.ts'
import { probeConnection, probePath } from '../../../src/upstream/health/health-probe.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { definitionOf, programOf } from '../../support/server-definitions.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { legacyHttp, modernHttp } from '../../support/upstreams/sample-http.ts'
import { FakeConnection } from '../fake-connection.ts'

const closers: (() => void)[] = []
afterEach(() => {
  for (const close of closers.splice(0)) close()
})

async function endpoint(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer)
  closers.push(() => {
    server.close()
    server.closeAllConnections()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/deep/mcp?key=1`
}

const within = {
  outbound: new Outbound(),
  clock: systemClock,
  timeoutMs: 5000,
  signal: new AbortController().signal,
}

describe('over the connection', () => {
  test('each era is asked in its own way, and every JSON-RPC answer is one', async () => {
    const legacy = new FakeConnection({ ping: () => ({}) })
    const modern = new FakeConnection({})
    modern.era = 'modern'
    await probeConnection(legacy, within)
    await probeConnection(modern, within)
    const methods = [legacy, modern].map(({ requests }) => requests.map(({ method }) => method))
    expect(methods).toEqual([['ping'], ['server/discover']])
  })

  test.each(['upstream_timeout', 'upstream_unavailable', 'upstream_bad_response'] as const)(
    '%s is no answer',
    async (code) => {
      const connection = new FakeConnection({ ping: () => Promise.reject(new GatewayError(code)) })
      await expect(probeConnection(connection, within)).rejects.toMatchObject({ code })
    },
  )
})

describe('over a real connection', () => {
  const connect = createConnector({
    clientInfo: { name: 'tool-gateway', version: '0' },
    maxMessageBytes: 100_000,
    dataDir: '/nonexistent',
    logger: silentLogger,
  })
  const events = { onLost: () => undefined, onListChanged: () => undefined }
  const opening = { timeoutMs: 20_000, signal: new AbortController().signal }

  test.each(['legacy', 'modern'] as const)('a %s server passes', async (era) => {
    const upstream = await (era === 'legacy' ? legacyHttp() : modernHttp())
    closers.push(() => void upstream.close())
    const definition = definitionOf({ transport: 'streamable-http', url: upstream.url })
    const connection = await connect(definition, events, opening)
    expect(connection.era).toBe(era)
    const before = upstream.seen.length
    await probeConnection(connection, within)
    expect(upstream.seen.length).toBeGreaterThan(before)
    await upstream.close()
    await expect(probeConnection(connection, within)).rejects.toMatchObject({ code: 'upstream_unavailable' })
    await connection.close()
  })

  test('a process passes until it is stopped', async () => {
    const connection = await connect(programOf('sample-stdio.ts', ['legacy']), events, opening)
    await probeConnection(connection, within)
    process.kill(connection.pid ?? 0, 'SIGSTOP')
    const probe = probeConnection(connection, { ...within, timeoutMs: 300 })
    await expect(probe).rejects.toMatchObject({ code: 'upstream_timeout' })
    process.kill(connection.pid ?? 0, 'SIGCONT')
    await connection.close()
  })
})

describe('by a path', () => {
  test('it is asked at the address of the instance, and 2xx is well', async () => {
    const seen: unknown[] = []
    const url = await endpoint((request, response) => {
      seen.push([request.method, request.url, request.headers.authorization])
      response.writeHead(204).end()
    })
    await probePath(url, '/healthz?deep=1', within)
    await probePath(url, '//elsewhere.example/x', within)
    expect(seen).toEqual([
      ['GET', '/healthz?deep=1', undefined],
      ['GET', '//elsewhere.example/x', undefined],
    ])
  })

  test('any other status is not, a redirect included', async () => {
    const url = await endpoint((_request, response) =>
      response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    )
    await expect(probePath(url, '/', within)).rejects.toThrow('it answered with HTTP 302')
    const bad = await endpoint((_request, response) => response.writeHead(503).end())
    await expect(probePath(bad, '/', within)).rejects.toThrow('it answered with HTTP 503')
  })

  test('no answer in time is none', async () => {
    const clock = new FakeClock()
    const asked = Promise.withResolvers<void>()
    const url = await endpoint(() => asked.resolve())
    const probe = probePath(url, '/', { ...within, clock, timeoutMs: 100 }).catch((error: unknown) => error)
    await asked.promise
    await clock.advance(100)
    expect(await probe).toMatchObject({ message: 'it took too long' })
  })
})
