import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { expect, test } from '@jest/globals'
import { type ErrorCode, ERRORS } from '../../src/domain/errors/error-table.ts'
import { GatewayError } from '../../src/domain/errors/errors.ts'
import { RestClient } from '../../src/dashboard/visit/rest-client.ts'
import { restInside } from '../../src/http/rest-inside.ts'
import { sendProblem } from '../../src/rest/problem.ts'
import { cookieOf } from '../dashboard/sign-in.ts'
import { principal } from '../support/offers.ts'
import { openTestApp } from '../support/test-app.ts'

function isCode(text: string): text is ErrorCode {
  return text in ERRORS
}

test('every answer of status 429 and 503 says after how many seconds to come again', async () => {
  const app = express().get('/:code', ({ params: { code } }, response) => {
    if (isCode(code)) sendProblem(response, new GatewayError(code), undefined)
  })
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const seconds: Record<string, string | null> = {}
  for (const code of Object.keys(ERRORS)) {
    const { status, headers } = await fetch(`http://127.0.0.1:${port}/${code}`)
    const retryAfter = headers.get('retry-after')
    if (status === 429 || status === 503 || retryAfter !== null) seconds[code] = retryAfter
  }
  server.closeAllConnections()
  server.close()
  expect(seconds).toEqual({
    too_many_sessions: '10',
    too_many_requests: '10',
    rate_limited: '10',
    upstream_unavailable: '1',
    upstream_busy: '1',
    circuit_open: '1',
    too_many_approvals: '10',
    shutting_down: '1',
    replica_unavailable: '1',
    overloaded: '1',
    not_ready: '1',
    keys_unavailable: '1',
    audit_unavailable: '1',
    store_unavailable: '1',
    state_unavailable: '1',
  })
})

test('a page that REST refuses says the seconds that REST says', async () => {
  const facts = { retryAfterMs: 2340 }
  const refusals = express()
    .get('/limit', (_, response) => sendProblem(response, new GatewayError('rate_limited'), undefined))
    .get('/known', (_, response) =>
      sendProblem(response, new GatewayError('rate_limited', 'x', { facts }), undefined),
    )
    .get('/busy', (_, response) => sendProblem(response, new GatewayError('upstream_busy'), undefined))
    .get('/unknown', (_, response) => sendProblem(response, new GatewayError('not_found'), undefined))
  const client = new RestClient({
    ask: restInside([refusals]),
    identity: { principal: principal(), requestId: 'r1' },
    signal: new AbortController().signal,
  })
  const seconds = ['/limit', '/known', '/busy', '/unknown'].map((path) =>
    client.get(path).catch(({ retryAfter }: { retryAfter?: number }) => retryAfter),
  )
  expect(await Promise.all(seconds)).toEqual([10, 3, 1, undefined])
})

test('so do pages, probes and the health of servers', async () => {
  const app = await openTestApp(undefined, { env: { DASHBOARD: 'on' } })
  try {
    for (const path of ['/readyz', '/dashboard']) {
      const { status, headers } = await app.request.get(path).set('cookie', cookieOf(app, ['operator']))
      expect([path, status, headers['retry-after']]).toEqual([path, 503, '1'])
    }
  } finally {
    await app.close()
  }
  const down = { transport: 'streamable-http', url: 'http://127.0.0.1:1/mcp' }
  const other = await openTestApp({ down })
  try {
    const token = await other.token()
    for (const path of ['/health', '/health/down']) {
      const { status, headers } = await other.rest(token, 'GET', path)
      expect([path, status, headers.get('retry-after')]).toEqual([path, 503, '1'])
    }
  } finally {
    await other.close()
  }
})
