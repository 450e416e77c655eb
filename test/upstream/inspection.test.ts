import { expect, test } from '@jest/globals'
import { systemClock } from '../../src/domain/clock.ts'
import type { JsonObject } from '../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../src/domain/documents/server-definition.ts'
import { type Inspection, Inspector } from '../../src/upstream/inspection.ts'
import { definitionOf, programOf } from '../support/server-definitions.ts'
import { Connecting } from './connection/connecting.ts'

const SECRET = 'hunter2-hunter2'

function inspected(
  server: ServerDefinition,
  { signal = new AbortController().signal } = {},
): Promise<Inspection> {
  const connect = new Connecting().connector({ resolveSecret: () => Promise.resolve(SECRET) })
  return new Inspector({ connect, clock: systemClock, connectTimeoutMs: 20_000 }).inspect(server, {
    tenantId: 'acme',
    signal,
  })
}

const steps = ({ transcript }: Inspection): string[] => transcript.map(({ what, text }) => `${what} ${text}`)

test('a server that works: every message in order with its time, and what it offers', async () => {
  const found = await inspected(programOf('raw-stdio.ts'))
  expect(found).toMatchObject({
    isOk: true,
    step: 'done',
    era: 'legacy',
    protocolVersion: '2025-06-18',
    serverInfo: { name: 'raw', version: '0' },
    offers: { tools: 1, resources: 0, resourceTemplates: 0, prompts: 0 },
  })
  expect(steps(found)).toEqual([
    'note process',
    'sent server/discover',
    'received error of server/discover',
    'sent initialize',
    'received result of initialize',
    'sent notifications/initialized',
    'sent tools/list',
    'received result of tools/list',
  ])
  const times = found.transcript.map(({ atMs }) => atMs)
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  expect(found.transcript[7]).toMatchObject({
    tookMs: expect.any(Number),
    message: { result: { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] } },
  })
})

test('a server that dies at its start: where it ended, and what it said, without its secret', async () => {
  const found = await inspected(
    programOf('raw-stdio.ts', ['crash'], { env: { API_KEY: 'secret://acme_key' } }),
  )
  expect(found).toMatchObject({
    isOk: false,
    step: 'handshake',
    error: expect.stringMatching(/; it said: FATAL: no access with key \*\*\*$/),
  })
  expect(steps(found)).toContain('note process, as a legacy server')
  expect(found.output.map(({ by, text }) => `${by} ${text}`)).toEqual([
    'gateway the process was started',
    'process starting',
    'process FATAL: no access with key ***',
    'gateway the process exited with code 7',
    'gateway the process was started',
    'process starting',
    'process FATAL: no access with key ***',
    'gateway the process exited with code 7',
  ])
  expect(JSON.stringify(found)).not.toContain(SECRET)
})

test('a server that talks of its key in its answers: the transcript does not', async () => {
  const byReference = await inspected(
    programOf('secret-stdio.ts', [], { env: { API_KEY: 'secret://acme_key' } }),
  )
  const literally = await inspected(programOf('secret-stdio.ts', [], { env: { API_KEY: SECRET } }))
  for (const found of [byReference, literally]) {
    expect(found.isOk).toBe(true)
    expect(JSON.stringify(found)).not.toContain(SECRET)
    expect(found.transcript[2]?.message).toMatchObject({ error: { message: 'unknown to ***' } })
  }
})

test('a server that prints to standard output what is no message is found out', async () => {
  const { output, isOk } = await inspected(programOf('raw-stdio.ts', ['garbage']))
  expect(isOk).toBe(true)
  expect(output.map(({ text }) => text)).toContain(
    'ignored output on standard output that is not an MCP message: npm notice a new version',
  )
})

test('a server that never answers ends with the time', async () => {
  const found = await inspected(
    programOf('raw-stdio.ts', ['silent'], { lifecycle: { startTimeoutMs: 2000 } }),
  )
  expect(found).toMatchObject({ isOk: false, step: 'handshake' })
  expect(found.error).toMatch(/did not open within 2000 ms|timed out/i)
})

test.each([
  ['a program that is not there', definitionOf({ transport: 'stdio', command: '/no/such' }), /was not found/],
  ['an endpoint where nobody listens', definitionOf({ transport: 'http', url: 'http://127.0.0.1:1/' }), /./],
])('%s ends at the start', async (_what, server, message) => {
  const found = await inspected(server)
  expect(found).toMatchObject({ isOk: false, error: expect.stringMatching(message) })
  expect(found.transcript[0]).toMatchObject({ what: 'note' })
})

test('a caller that goes away cancels it', async () => {
  const abort = new AbortController()
  const outcome = inspected(programOf('raw-stdio.ts', ['silent']), { signal: abort.signal })
  abort.abort(new Error('the caller disconnected'))
  await expect(outcome).resolves.toMatchObject({
    isOk: false,
    error: expect.stringMatching(/the caller disconnected/),
  })
})

test('a long message is cut', async () => {
  const script = `require('readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line)
    const results = {
      initialize: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo: { name: 'n', version: '1' } },
      'tools/list': { tools: Array.from({ length: 100 }, (_, i) => ({ name: 't' + i, description: 'd'.repeat(1000), inputSchema: { type: 'object' } })) },
    }
    if (id !== undefined) console.log(JSON.stringify(results[method]
      ? { jsonrpc: '2.0', id, result: results[method] }
      : { jsonrpc: '2.0', id, error: { code: -32601, message: 'unknown' } }))
  })`
  const server = definitionOf({ transport: 'stdio', command: process.execPath, args: ['-e', script] })
  const connect = new Connecting().connector({ maxMessageBytes: 1_000_000 })
  const { signal } = new AbortController()
  const inspector = new Inspector({ connect, clock: systemClock, connectTimeoutMs: 20_000 })
  const found = await inspector.inspect(server, { tenantId: 'acme', signal })
  const last: JsonObject | undefined = found.transcript.at(-1)?.message
  expect(found.offers?.tools).toBe(100)
  expect(last).toMatchObject({ 'cut after': 16_384 })
  expect(JSON.stringify(found).length).toBeLessThan(30_000)
})

test('names of methods and ids as long as messages are not kept, however many a server sends', async () => {
  const script = `process.stdin.once('data', () => {
    const long = 'x'.repeat(90_000)
    for (let i = 0; i < 300; i += 1) console.log(JSON.stringify({ jsonrpc: '2.0', method: long + i }))
    for (let i = 0; i < 300; i += 1) console.log(JSON.stringify({ jsonrpc: '2.0', id: long + i, method: 'ping' }))
    process.stdout.write('', () => process.exit(1))
  })`
  const found = await inspected(
    definitionOf({ transport: 'stdio', command: process.execPath, args: ['-e', script] }),
  )
  const received = found.transcript.filter(({ what }) => what === 'received')
  expect(received.length).toBeGreaterThan(300)
  expect(received[0]?.text).toBe('x'.repeat(256))
  expect(Math.max(...found.transcript.map(({ text }) => text.length))).toBe(256)
  expect(JSON.stringify(found).length).toBeLessThan(1_500_000)
})

test('four are inspected at the same time for a tenant, also while others inspect theirs, and closing ends them all', async () => {
  const connect = new Connecting().connector()
  const inspector = new Inspector({ connect, clock: systemClock, connectTimeoutMs: 20_000 })
  const { signal } = new AbortController()
  const silent = programOf('raw-stdio.ts', ['silent'])
  const inspect = (tenantId: string): Promise<Inspection> => inspector.inspect(silent, { tenantId, signal })
  const underWay = Array.from({ length: 4 }, () => inspect('acme'))
  await expect(inspect('acme')).rejects.toMatchObject({
    code: 'too_many_requests',
    message: 'Too many servers are being inspected already; four at a time for a tenant',
  })
  for (const tenantId of ['globex', 'initech', 'umbrella'])
    underWay.push(...Array.from({ length: 4 }, () => inspect(tenantId)))
  await expect(inspect('hooli')).rejects.toMatchObject({ code: 'too_many_requests' })
  await inspector.close()
  for (const found of await Promise.all(underWay)) expect(found).toMatchObject({ isOk: false })
  await expect(inspect('acme')).rejects.toMatchObject({ code: 'shutting_down' })
})
