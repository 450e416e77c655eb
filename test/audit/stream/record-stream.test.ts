import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { RecordStream } from '../../../src/audit/stream/record-stream.ts'
import { streamTarget } from '../../../src/audit/stream/stream-target.ts'
import { systemClock } from '../../../src/domain/clock.ts'
import { eventually } from '../../support/eventually.ts'
import { silentLogger } from '../../support/silent-logger.ts'
import { linesOf, usageRecord } from '../../support/usage-records.ts'

interface Received {
  readonly resourceLogs: {
    readonly scopeLogs: {
      readonly logRecords: { readonly eventName: string; readonly body: { stringValue: string } }[]
    }[]
  }[]
}

let server: Server
let url: string
let status: number
let headers: unknown
const received: string[] = []

beforeEach(async () => {
  status = 200
  received.length = 0
  server = createServer((request, response) => {
    headers = request.headers['x-key']
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      if (status === 200) received.push(...bodiesIn(Buffer.concat(chunks).toString()))
      response.writeHead(status).end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/v1/logs`
})

afterEach(() => {
  server.close()
  server.closeAllConnections()
})

function bodiesIn(text: string): string[] {
  const { resourceLogs } = JSON.parse(text) as Received
  return resourceLogs.flatMap(({ scopeLogs }) =>
    scopeLogs.flatMap(({ logRecords }) =>
      logRecords.map(({ eventName, body }) => `${eventName} ${body.stringValue}`),
    ),
  )
}

function open(queueLimit?: number): RecordStream {
  const target = { url, headers: { 'x-key': 'secret' } }
  const limit = queueLimit === undefined ? {} : { queueLimit }
  return new RecordStream({ target, clock: systemClock, random: () => 0, logger: silentLogger, ...limit })
}

test('records and checkpoints come to the collector as logs', async () => {
  const stream = open()
  stream.records(linesOf([usageRecord({ id: 'r1', roles: ['reader'] }), usageRecord({ id: 'r2' })]))
  stream.checkpoint({ writer: 'w', seq: 2, atMs: 1, note: 'a note' })
  await stream.close()
  expect(received.map((text) => text.slice(0, 40))).toEqual([
    'audit.record {"id":"r1","atMs":176722560',
    'audit.record {"id":"r2","atMs":176722560',
    'audit.checkpoint a note',
  ])
  expect(headers).toBe('secret')
})

test('while the collector fails a bounded number of records waits, and comes afterwards', async () => {
  status = 503
  const stream = open(2)
  stream.records(linesOf(['r1', 'r2', 'r3'].map((id) => usageRecord({ id }))))
  expect(stream.dropped).toBe(1)
  status = 200
  await eventually(() => received.length === 2)
  expect(received.map((text) => text.slice(13, 24))).toEqual(['{"id":"r1",', '{"id":"r2",'])
  await stream.close()
})

test.each([
  [{}, {}],
  [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318' }, {}],
  [
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://c:4318/',
      OTEL_LOGS_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_HEADERS: 'a=b%20c',
    },
    { target: { url: 'http://c:4318/v1/logs', headers: { a: 'b c' } } },
  ],
  [
    { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://siem/logs' },
    { target: { url: 'https://siem/logs', headers: {} } },
  ],
  [{ OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://siem/logs', OTEL_LOGS_EXPORTER: 'none' }, {}],
  [{ OTEL_LOGS_EXPORTER: 'otlp' }, { problem: expect.stringContaining('is not a URL') }],
  [
    { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: 'https://siem', OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' },
    { problem: expect.stringContaining('http/json') },
  ],
])('%j streams to %j', (env, target) => expect(streamTarget(env)).toEqual(target))
