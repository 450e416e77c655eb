import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { inspect } from 'node:util'
import { afterEach, describe, expect, test } from '@jest/globals'
import { type ResolveSecret, SecretRefused } from '../../../src/domain/documents/secret-reference.ts'
import { definitionOf, programOf } from '../../support/server-definitions.ts'
import { rawLegacy } from '../../support/upstreams/raw-http.ts'
import { eventually } from '../../support/eventually.ts'
import { Connecting, callTool, textOf } from './connecting.ts'

const REF = 'secret://acme_key'
const VALUE = 'canary-"value"\\with$&marks'
const resolved =
  (value: string): ResolveSecret =>
  () =>
    Promise.resolve(value)

const connecting = new Connecting()
const servers: Server[] = []
afterEach(async () => {
  await connecting.closeAll()
  for (const server of servers.splice(0)) server.close()
})

async function listen(
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}

/** Everything that can be printed of an error, and of what caused it. */
async function failureOf(promise: Promise<unknown>): Promise<string> {
  return inspect(
    await promise.then(
      () => 'no failure',
      (error: unknown) => error,
    ),
    {
      depth: 20,
      showHidden: true,
      maxStringLength: null,
    },
  )
}

describe('a stdio server that names a secret', () => {
  const server = programOf('secret-stdio.ts', [], { era: 'legacy', env: { API_KEY: REF, OTHER: 'plain' } })

  test('gets its value, and only the reference stays in the definition', async () => {
    const connect = connecting.connector({ resolveSecret: resolved(VALUE) })
    const { connection } = await connecting.open(server, { connect })
    const answer = textOf(await callTool(connection, 'digest'))
    expect(answer).toBe(createHash('sha256').update(VALUE).digest('hex'))
    expect(server).toMatchObject({ env: { API_KEY: REF } })
  })

  test('cannot make the gateway repeat it: in errors, or when it dies', async () => {
    const connect = connecting.connector({ resolveSecret: resolved(VALUE) })
    const { connection, lost } = await connecting.open(server, { connect })
    const failure = await failureOf(callTool(connection, 'fail'))
    expect(failure).toContain('no ***')
    expect(failure).not.toMatch(/canary/)
    await callTool(connection, 'die').catch(() => undefined)
    await eventually(() => lost.length > 0)
    expect(lost[0]).toBe(`the process exited with code 3; it said: ${'x'.repeat(295)} ***`)
  })

  test('is refused by another tenant’s secret, whatever the registry let through', async () => {
    const foreign = { ...server, tenantId: 'other' }
    const connect = connecting.connector({ resolveSecret: resolved(VALUE) })
    await expect(connecting.open(foreign, { connect })).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: 'secret://acme_key: it belongs to another tenant',
    })
  })

  test('fails with the reason and no process when the secret cannot be had', async () => {
    const connect = connecting.connector({
      resolveSecret: (reference) => Promise.reject(new SecretRefused(reference, 'denied', 'not allowed')),
    })
    await expect(connecting.open(server, { connect })).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: 'secret://acme_key: not allowed',
    })
    await expect(connecting.open(server)).rejects.toThrow(
      'secret://acme_key: this gateway has no secret source',
    )
  })

  test('is given up at its deadline while the secret is waited for', async () => {
    const connect = connecting.connector({ resolveSecret: () => new Promise(() => undefined) })
    await expect(connecting.open(server, { connect, timeoutMs: 50 })).rejects.toThrow(
      'it did not open within 50 ms',
    )
    const controller = new AbortController()
    controller.abort(new Error('stopping'))
    await expect(connecting.open(server, { connect, signal: controller.signal })).rejects.toThrow('stopping')
  })

  test('is not asked for secrets when it names none', async () => {
    const connect = connecting.connector({ resolveSecret: () => Promise.reject(new Error('asked')) })
    const plain = programOf('secret-stdio.ts', [], { era: 'legacy' })
    await expect(connecting.open(plain, { connect })).resolves.toBeDefined()
  })
})

describe('an HTTP server that names a secret', () => {
  const VALUE_IN_HEADER = 'canary-token'

  test.each([
    ['bearer', { auth: { kind: 'bearer', token: REF } }, 'authorization', 'Bearer canary-token'],
    ['auth headers', { auth: { kind: 'headers', headers: { 'x-key': REF } } }, 'x-key', 'canary-token'],
    ['headers', { headers: { 'x-key': `${REF}#2` } }, 'x-key', 'canary-token'],
  ])('gets its value in %s, with each request', async (_where, fields, header, expected) => {
    const seen: unknown[] = []
    const url = await listen((request, response) => {
      if (request.method === 'POST') seen.push(request.headers[header])
      rawLegacy(request, response)
    })
    const connect = connecting.connector({ resolveSecret: resolved(VALUE_IN_HEADER) })
    const server = definitionOf({ transport: 'streamable-http', url, ...fields })
    const { connection } = await connecting.open(server, { connect })
    await callTool(connection, 'x')
    expect(seen.length).toBeGreaterThan(1)
    expect(new Set(seen)).toEqual(new Set([expected]))
  })

  test('cannot make the gateway repeat it when it refuses to open', async () => {
    const url = await listen((request, response) => {
      const said = JSON.stringify({ headers: request.headers })
      const error = { code: -32_001, message: `no ${String(request.headers['x-key'])}`, data: said }
      response
        .writeHead(400, { 'content-type': 'application/json' })
        .end(JSON.stringify({ jsonrpc: '2.0', id: null, error }))
    })
    const connect = connecting.connector({ resolveSecret: resolved(VALUE_IN_HEADER) })
    const server = definitionOf({ transport: 'streamable-http', url, headers: { 'x-key': REF } })
    const failure = await failureOf(connecting.open(server, { connect }))
    expect(failure).toContain('upstream_unavailable')
    expect(failure).not.toContain('canary')
  })

  test.each(['canary\r\nx-admin: 1', 'canary\n', 'canary\u20ac', 'canary\0', 'x'.repeat(16_385)])(
    'fails without its value when it cannot be sent in a header (%#)',
    async (value) => {
      const connect = connecting.connector({ resolveSecret: resolved(value) })
      const auth = { kind: 'bearer', token: REF }
      const server = definitionOf({ transport: 'http', url: 'http://127.0.0.1:1/', auth })
      const failure = await failureOf(connecting.open(server, { connect }))
      expect(failure).toContain('secret://acme_key: its value cannot be sent in a header')
      expect(failure).not.toContain('canary')
    },
  )
})
