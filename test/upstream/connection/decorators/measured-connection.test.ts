import { expect, test } from '@jest/globals'
import type { ServerDefinition } from '../../../../src/domain/documents/server-definition.ts'
import type { Connection } from '../../../../src/upstream/connection/connection.ts'
import { measuring } from '../../../../src/upstream/connection/decorators/measured-connection.ts'
import { FakeClock } from '../../../support/fake-clock.ts'
import { definitionOf } from '../../../support/server-definitions.ts'
import { FakeConnection, upstreamError } from '../../fake-connection.ts'

const OPTIONS = { signal: undefined, timeoutMs: 1000 }

async function opened(
  inner: FakeConnection,
  server: ServerDefinition = definitionOf({ name: 'alpha', transport: 'stdio', command: 'x' }),
): Promise<{ connection: Connection; counted: unknown[]; clock: FakeClock }> {
  const clock = new FakeClock()
  const counted: unknown[] = []
  const metrics = { clientOperation: (...all: unknown[]) => void counted.push(all) }
  const connect = measuring(() => Promise.resolve(inner), { metrics, clock })
  const connection = await connect(
    server,
    { onLost: () => undefined, onListChanged: () => undefined },
    { timeoutMs: 1000, signal: new AbortController().signal },
  )
  return { connection, counted, clock }
}

test('every request is counted with its time, its server, and the tool of a call', async () => {
  const result = { content: [] }
  const inner = new FakeConnection({
    'tools/call': async () => {
      await clock.advance(12)
      return result
    },
    'tools/list': () => ({ tools: [] }),
  })
  const { connection, counted, clock } = await opened(inner)
  expect(await connection.request('tools/call', { name: 'echo' }, OPTIONS)).toBe(result)
  await connection.request('tools/list', undefined, OPTIONS)
  const same = { protocolVersion: '2025-11-25', transport: 'pipe', server: 'alpha', errorType: undefined }
  expect(counted).toEqual([
    [{ ...same, method: 'tools/call', tool: 'echo' }, 12],
    [{ ...same, method: 'tools/list', tool: undefined }, 0],
  ])
})

test('what fails is counted by its code, and comes through as it is', async () => {
  const error = upstreamError(-32_602)
  const inner = new FakeConnection({
    'prompts/get': () => Promise.reject(error),
    'resources/read': () => Promise.reject(new TypeError('defect')),
    'tools/call': () => ({ isError: true }),
  })
  const url = definitionOf({ name: 'alpha', transport: 'streamable-http', url: 'https://example.com/mcp' })
  const { connection, counted } = await opened(inner, url)
  await expect(connection.request('prompts/get', { name: 'x' }, OPTIONS)).rejects.toBe(error)
  await expect(connection.request('resources/read', {}, OPTIONS)).rejects.toThrow('defect')
  await connection.request('tools/call', { name: 'echo' }, OPTIONS)
  expect(counted).toMatchObject([
    [{ method: 'prompts/get', errorType: '-32602', tool: undefined, transport: 'tcp' }, 0],
    [{ method: 'resources/read', errorType: 'internal' }, 0],
    [{ method: 'tools/call', errorType: 'tool_error', tool: 'echo' }, 0],
  ])
})

test('everything else of the connection is the connection’s own', async () => {
  const inner = new FakeConnection({})
  const { connection } = await opened(inner)
  const { era, protocolVersion, capabilities, instructions, serverInfo, pid } = inner
  expect(connection).toMatchObject({ era, protocolVersion, capabilities, instructions, serverInfo, pid })
  connection.notify('notifications/x', { a: 1 })
  await connection.watchResources(new Set(['x://1']))
  await connection.close()
  expect(inner.notified).toEqual([{ method: 'notifications/x', params: { a: 1 } }])
  expect([inner.watched, inner.isClosed]).toEqual([[['x://1']], true])
})
