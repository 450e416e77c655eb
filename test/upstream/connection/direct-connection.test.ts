import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../../support/eventually.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { rawLegacy } from '../../support/upstreams/raw-http.ts'
import { type HttpUpstream, listen } from '../../support/upstreams/sample-http.ts'
import { Connecting } from './connecting.ts'

type Answer = (response: ServerResponse, id: unknown) => unknown

const answering =
  (value: unknown): Answer =>
  (response, id) =>
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id, result: value }))

describe('a connection that sends plain requests beside the SDK', () => {
  const connecting = new Connecting()
  const seen = ({ seen: requests }: HttpUpstream, method = 'POST'): number =>
    requests.filter((request) => request.method === method).length

  const upstreams: HttpUpstream[] = []

  afterEach(async () => {
    await connecting.closeAll()
    await Promise.all(upstreams.splice(0).map((upstream) => upstream.close()))
  })

  const opened = async (
    answer: Answer,
  ): Promise<Awaited<ReturnType<Connecting['open']>> & { upstream: HttpUpstream }> => {
    const upstream = await listen((request, response) => {
      if (request.url === '/moved') return rawLegacy(request, response, answering({ moved: 1 }))
      return rawLegacy(request, response, (called, id) => void answer(called, id))
    })
    upstreams.push(upstream)
    const server = definitionOf({ transport: 'streamable-http', url: upstream.url, era: 'legacy' })
    return { ...(await connecting.open(server)), upstream }
  }

  test('has the SDK follow a redirect, which the server has not handled', async () => {
    const { connection, upstream } = await opened((response) =>
      response.writeHead(307, { location: '/moved' }).end(),
    )
    const before = seen(upstream)
    const options = { signal: undefined, timeoutMs: 5000 }
    expect(await connection.requestRaw?.('tools/call', { name: 'x' }, options)).toEqual({ moved: 1 })
    expect(seen(upstream) - before).toBe(3)
  })

  test('has the SDK send what wants more than the answer', async () => {
    const { connection, upstream } = await opened(answering({ a: 1 }))
    const agents = (): unknown[] => upstream.seen.map(({ headers }) => headers['user-agent'])
    const plain = { signal: undefined, timeoutMs: 5000 }
    await connection.requestRaw?.('tools/call', { name: 'x' }, plain)
    expect(agents().at(-1)).toBeUndefined()
    await connection.requestRaw?.('tools/call', { name: 'x' }, { ...plain, onProgress: () => undefined })
    expect(agents().at(-1)).toBe('tool-gateway')
    await connection.requestRaw?.('tools/call', { name: 'x' }, { ...plain, maxTotalMs: 6000 })
    expect(agents().at(-1)).toBe('tool-gateway')
  })

  test('is lost when its server is away', async () => {
    const { connection, lost, upstream } = await opened(answering({ a: 1 }))
    await upstream.close()
    await expect(
      connection.requestRaw?.('tools/call', { name: 'x' }, { signal: undefined, timeoutMs: 5000 }),
    ).rejects.toMatchObject({ code: 'upstream_unavailable', facts: { mayHaveExecuted: false } })
    await eventually(() => lost.length === 1)
    expect(lost).toEqual(['it is no longer reachable (ECONNREFUSED)'])
  })

  test('sends nothing for a caller that has gone, and nothing once it is closed', async () => {
    const { connection, upstream } = await opened(answering({ a: 1 }))
    const before = seen(upstream)
    const gone = { signal: AbortSignal.abort(), timeoutMs: 5000 }
    await expect(connection.requestRaw?.('tools/call', {}, gone)).rejects.toMatchObject({ code: 'cancelled' })
    await connection.close()
    await expect(
      connection.requestRaw?.('tools/call', {}, { signal: undefined, timeoutMs: 5000 }),
    ).rejects.toMatchObject({ code: 'upstream_unavailable', facts: { mayHaveExecuted: false } })
    expect(seen(upstream)).toBe(before)
  })
})
