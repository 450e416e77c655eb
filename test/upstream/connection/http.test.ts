import { afterEach, describe, expect, test } from '@jest/globals'
import { isSessionLost } from '../../../src/upstream/connection/upstream-error.ts'
import { EXOTIC_RESULT, EXOTIC_TOOL } from '../../support/upstreams/sample-server.ts'
import { rawLegacy } from '../../support/upstreams/raw-http.ts'
import {
  type HttpUpstream,
  legacyHttp,
  listen,
  modernHttp,
  sseHttp,
} from '../../support/upstreams/sample-http.ts'
import { eventually } from '../../support/eventually.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { callTool, type Connected, Connecting } from './connecting.ts'

const connecting = new Connecting()
const upstreams: HttpUpstream[] = []

afterEach(async () => {
  await connecting.closeAll()
  await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()))
})

async function started(upstream: Promise<HttpUpstream>): Promise<HttpUpstream> {
  upstreams.push(await upstream)
  return upstream
}

function open(url: string, fields: Record<string, unknown> = {}): Promise<Connected> {
  return connecting.open(definitionOf({ transport: 'streamable-http', url, ...fields }))
}

describe.each([
  ['Streamable HTTP, legacy', legacyHttp, 'streamable-http', 'legacy'],
  ['Streamable HTTP, modern', modernHttp, 'streamable-http', 'modern'],
  ['HTTP+SSE', sseHttp, 'sse', 'legacy'],
] as const)('a server over %s', (_name, start, transport, era) => {
  const connect = async (
    fields: Record<string, unknown> = {},
  ): Promise<Connected & { upstream: HttpUpstream }> => {
    const upstream = await started(start())
    return { ...(await open(upstream.url, { transport, ...fields })), upstream }
  }

  test('is recognised, and passes results with every field that it sent', async () => {
    const { connection } = await connect()
    expect(connection.era).toBe(era)
    expect(await callTool(connection, 'exotic')).toEqual(EXOTIC_RESULT)
    const page = await connection.request('tools/list', undefined, { signal: undefined, timeoutMs: 5000 })
    expect(page['tools']).toContainEqual(EXOTIC_TOOL)
    expect(page['nextCursor']).toBe('')
  })

  test('is found out when the definition only says http', async () => {
    const { connection, call } = await connect({ transport: 'http' })
    expect(connection.era).toBe(era)
    expect(await call('echo', { a: 1 })).toBe('{"a":1}')
  })

  test('gets the headers and the token of its definition, in each request', async () => {
    const { call, upstream } = await connect({
      headers: { 'x-team': 'blue' },
      auth: { kind: 'bearer', token: 'tk' },
    })
    await call('echo')
    expect(upstream.seen.length).toBeGreaterThan(1)
    for (const { headers } of upstream.seen) {
      expect(headers).toMatchObject({ 'x-team': 'blue', authorization: 'Bearer tk' })
    }
  })

  test.each([
    ['a token with its scheme', {}, { kind: 'bearer', token: 'Bearer tk' }, 'Bearer tk'],
    ['a token beside a header', { Authorization: 'Basic x' }, { kind: 'bearer', token: 'tk' }, 'Bearer tk'],
    [
      'a header in other letters',
      { authorization: 'Basic x' },
      { kind: 'headers', headers: { Authorization: 'Key y' } },
      'Key y',
    ],
  ])('gets one header Authorization from %s', async (_what, headers, auth, authorization) => {
    const { call, upstream } = await connect({ headers, auth })
    await call('echo')
    expect(new Set(upstream.seen.map((request) => request.headers['authorization']))).toEqual(
      new Set([authorization]),
    )
  })

  test('passes its JSON-RPC errors on', async () => {
    const { connection } = await connect()
    await expect(callTool(connection, 'fail')).rejects.toMatchObject({
      code: 'upstream_error',
      facts: { upstream: { code: -32_050, message: 'the tool is out of order', data: { hint: 'later' } } },
    })
  })

  test('reports progress', async () => {
    const { connection } = await connect()
    const progress: unknown[] = []
    const onProgress = (step: unknown): void => void progress.push(step)
    await connection.request(
      'tools/call',
      { name: 'progress' },
      { signal: undefined, timeoutMs: 5000, onProgress },
    )
    expect(progress).toEqual([
      { progress: 1, total: 2, message: 'step 1' },
      { progress: 2, total: 2, message: 'step 2' },
    ])
  })

  test('is told of a cancelled call', async () => {
    const { connection, upstream, call } = await connect()
    const controller = new AbortController()
    const held = callTool(connection, 'hold', {}, 20_000, controller.signal)
    await call('echo')
    controller.abort()
    await expect(held).rejects.toMatchObject({ code: 'cancelled', facts: { mayHaveExecuted: true } })
    await eventually(() => upstream.state.cancelled === 1)
    expect(await call('echo')).toBe('{}')
  })

  test('announces changed lists', async () => {
    const { call, changes } = await connect()
    await eventually(
      async () => {
        await call('change')
        return changes.includes('tools')
      },
      { intervalMs: 50 },
    )
    expect(changes).toContain('tools')
  })

  test('that sends too large an answer fails that call alone, at once', async () => {
    const { connection, call, lost } = await connect()
    await expect(callTool(connection, 'big', { bytes: 300_000 })).rejects.toMatchObject({
      code: 'response_too_large',
      facts: { server: 'sample', mayHaveExecuted: true },
    })
    expect(await call('big', { bytes: 50_000 })).toHaveLength(50_000)
    expect(lost).toEqual([])
  })

  test('may send more than the limit in total', async () => {
    const { call } = await connect()
    for (let i = 0; i < 5; i += 1) expect(await call('big', { bytes: 60_000 })).toHaveLength(60_000)
  })

  test('that has gone away is reported as lost, by a call that says it did not run', async () => {
    const { connection, lost, upstream } = await connect()
    await upstream.close()
    const failure: unknown = await callTool(connection, 'echo').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'upstream_unavailable', facts: { server: 'sample' } })
    await eventually(() => lost.length > 0)
    expect(lost).toHaveLength(1)
  })
})

describe('a session of the legacy era', () => {
  test('that the server has forgotten is a loss, not a failed call that ran', async () => {
    const upstream = await started(legacyHttp())
    const { connection, lost } = await open(upstream.url)
    upstream.forgetSessions()
    const failure: unknown = await callTool(connection, 'echo').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'upstream_unavailable', facts: { mayHaveExecuted: false } })
    expect(isSessionLost(failure)).toBe(true)
    await eventually(() => lost.length > 0)
    expect(lost).toEqual(['its session has ended'])
  })

  test('over HTTP+SSE that the server has forgotten is a loss as well', async () => {
    const upstream = await started(sseHttp())
    const { connection, lost } = await open(upstream.url, { transport: 'sse' })
    upstream.forgetSessions()
    const failure: unknown = await callTool(connection, 'echo').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'upstream_unavailable', facts: { mayHaveExecuted: false } })
    expect(isSessionLost(failure)).toBe(true)
    await eventually(() => lost.length > 0)
    expect(lost).toEqual(['its session has ended'])
  })

  test('is ended with the connection', async () => {
    const upstream = await started(legacyHttp())
    const { connection } = await open(upstream.url)
    await connection.close()
    expect(upstream.seen.at(-1)?.method).toBe('DELETE')
  })
})

describe('a server of the modern era', () => {
  test('is asked again to announce changes when its stream broke, and everything counts as changed', async () => {
    const upstream = await started(modernHttp())
    const { call, changes } = await open(upstream.url)
    await eventually(async () => {
      await call('change')
      return changes.includes('tools')
    })
    upstream.cut()
    await eventually(() => changes.includes('prompts') && changes.includes('resources'))
    expect(await call('echo')).toBe('{}')
  })

  test('is not let through with a question to the caller', async () => {
    const upstream = await started(modernHttp())
    const { connection } = await open(upstream.url)
    await expect(callTool(connection, 'asks-for-input')).rejects.toMatchObject({
      code: 'upstream_bad_response',
    })
  })
})

test('a closed connection sends nothing any more, and says so', async () => {
  const upstream = await started(modernHttp())
  const { connection, lost } = await open(upstream.url)
  await Promise.all([connection.close(), connection.close()])
  const before = upstream.seen.length
  const failure = { code: 'upstream_unavailable', facts: { server: 'sample', mayHaveExecuted: false } }
  await expect(callTool(connection, 'echo')).rejects.toMatchObject(failure)
  await expect(callTool(connection, 'echo', {}, 100, AbortSignal.abort())).rejects.toMatchObject({
    code: 'cancelled',
  })
  expect(upstream.seen).toHaveLength(before)
  expect(lost).toEqual([])
})

describe('the era of an HTTP server', () => {
  test('is asked for once, and again when the server changed', async () => {
    const connect = connecting.connector()
    const first = await started(modernHttp())
    const server = definitionOf({ transport: 'streamable-http', url: first.url })
    const { connection } = await connecting.open(server, { connect })
    expect(connection.era).toBe('modern')
    await connection.close()
    await first.close()
    const port = { port: first.port }
    const legacy = await started(listen(rawLegacy, undefined, port))
    expect(legacy.url).toBe(first.url)
    await expect(connecting.open(server, { connect })).rejects.toMatchObject({ code: 'upstream_unavailable' })
    const again = await connecting.open(server, { connect })
    expect(again.connection.era).toBe('legacy')
  })
})
