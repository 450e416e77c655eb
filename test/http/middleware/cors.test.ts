import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import express from 'express'
import { cors, preflight } from '../../../src/http/middleware/cors.ts'

const ORIGIN = 'http://localhost:6274'
let server: Server
let url: string

beforeEach(async () => {
  const app = express()
  app.use(cors((origin) => origin === ORIGIN))
  app.use(preflight)
  app.use((_request, response) => void response.status(418).end())
  server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/mcp`
})

afterEach(() => void server.close())

async function ask(method: string, headers: Record<string, string>): Promise<Response> {
  return await fetch(url, { method, headers })
}

const asked = (names: string): Record<string, string> => ({
  origin: ORIGIN,
  'access-control-request-method': 'POST',
  'access-control-request-headers': names,
})

test('a preflight of an allowed origin is answered with the methods and headers that clients use', async () => {
  const answer = await ask('OPTIONS', asked('authorization'))
  expect(answer.status).toBe(204)
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'access-control-allow-origin': ORIGIN,
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, DELETE',
    'access-control-allow-headers':
      'Authorization, Content-Type, Accept, Last-Event-ID, Mcp-Session-Id, MCP-Protocol-Version, Mcp-Method, Mcp-Name, X-Agent-Name, X-Client-Name, X-Request-Id, If-Match, If-None-Match, Prefer, Cache-Control, traceparent, tracestate, baggage',
    'access-control-max-age': '7200',
    vary: 'Origin, Access-Control-Request-Headers',
  })
  expect(answer.headers.has('access-control-allow-credentials')).toBe(false)
})

test('headers of MCP whose names tools make are allowed, others that are asked for are not', async () => {
  const answer = await ask(
    'OPTIONS',
    asked('Mcp-Param-Region, mcp-param-x, mcp-name, cookie, x-evil, mcp-a b'),
  )
  const allowed = answer.headers.get('access-control-allow-headers') ?? ''
  expect(allowed.endsWith(', baggage, mcp-param-region, mcp-param-x')).toBe(true)
})

test('a page of an allowed origin reads every answer, refusals too', async () => {
  const answer = await ask('GET', { origin: ORIGIN })
  expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([418, ORIGIN])
  expect(answer.headers.get('access-control-expose-headers')).toBe(
    'Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, X-Request-Id, Retry-After, ETag, Location, Allow, Preference-Applied',
  )
})

test('answers differ by origin, and other origins get no permission', async () => {
  for (const headers of [{}, { origin: 'https://evil.example' }, { origin: 'null' }]) {
    const answer = await ask('GET', headers)
    expect(answer.headers.get('vary')).toBe('Origin')
    expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  }
})

test('an OPTIONS request that is no preflight goes its way', async () => {
  expect((await ask('OPTIONS', { origin: ORIGIN })).status).toBe(418)
})
