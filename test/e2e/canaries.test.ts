import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { glob, readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { exportLines } from '../../src/audit/export/export-lines.ts'
import { openStoredChains } from '../../src/audit/export/stored-chains.ts'
import { isJsonObject } from '../../src/domain/json/json.ts'
import { createLogger } from '../../src/telemetry/logger.ts'
import { recordSpans } from '../support/recorded-spans.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const PROGRAM = join(import.meta.dirname, '../support/upstreams/secret-stdio.ts')
/** Files of the data directory that are meant to have secrets, for this user alone. */
const KEY_FILES = /\.key$|^registry\.json$|^local-issuer|^state\.db|\.jwk$/

const secret = (name: string): string => `canary-${name}-${randomBytes(8).toString('hex')}`
const hexKey = (): string => randomBytes(32).toString('hex')

/** Where each secret was planted. */
const planted: Record<string, string> = {
  argument: secret('argument'),
  header: secret('header'),
  query: secret('query'),
  environment: secret('environment'),
  bearer: secret('bearer'),
  referenceInEnvironment: secret('reference-env'),
  referenceInHeader: secret('reference-header'),
  template: secret('template'),
  refusedDocument: secret('refused'),
  wrongToken: secret('wrong-token'),
  wrongScheme: secret('wrong-scheme'),
  queryToken: secret('query-token'),
  cookie: secret('cookie'),
  stateKey: hexKey(),
  digestKey: hexKey(),
  signingKey: hexKey(),
}

const said: string[] = []
const keep = new Writable({
  write: (chunk: Buffer, _encoding, done) => {
    said.push(chunk.toString())
    done()
  },
})

let directory: Awaited<ReturnType<typeof temporaryDirectory>>
let upstream: Server
let collector: Server
let gateway: TestGateway
let everyone: string
const streamed: string[] = []
const tracing = recordSpans()
const answers: string[] = []

beforeAll(async () => {
  directory = await temporaryDirectory()
  upstream = await listening(createServer(upstreamOf))
  collector = await listening(
    createServer((request, response) => {
      request
        .on('data', (chunk: Buffer) => streamed.push(chunk.toString()))
        .on('end', () => response.end('{}'))
    }),
  )
  process.env['OTEL_EXPORTER_OTLP_LOGS_ENDPOINT'] = `${urlOf(collector)}/v1/logs`
  const secretsFile = join(directory.path, 'secrets.yaml')
  const { referenceInEnvironment, referenceInHeader } = planted
  await writeFile(secretsFile, `local_env: ${referenceInEnvironment}\nlocal_header: ${referenceInHeader}\n`, {
    mode: 0o600,
  })
  const url = urlOf(upstream)
  const http = {
    transport: 'streamable-http',
    era: 'legacy',
    healthCheck: { intervalMs: 600_000, timeoutMs: 1000 },
  }
  const stdio = {
    transport: 'stdio',
    command: process.execPath,
    args: [PROGRAM],
    era: 'legacy',
    lifecycle: { maxRestarts: 1 },
  }
  gateway = await startTestGateway(
    {
      web: {
        ...http,
        url: `${url}/mcp?key=${planted['query']}`,
        headers: { 'x-api-key': planted['header'], 'x-other': 'secret://local_header' },
        auth: { kind: 'bearer', token: planted['bearer'] },
      },
      process: { ...stdio, env: { API_KEY: planted['environment'] } },
      referenced: { ...stdio, env: { API_KEY: 'secret://local_env' } },
    },
    {
      env: {
        SECRETS_FILE: secretsFile,
        STATE_KEY: planted['stateKey'] ?? '',
        AUDIT_DIGEST_KEY: planted['digestKey'] ?? '',
        AUDIT_SIGNING_KEY: planted['signingKey'] ?? '',
        AUTHORIZATION_SERVER: 'on',
        DASHBOARD: 'on',
      },
      logger: createLogger({ level: 'trace', format: 'json', destination: keep }),
    },
  )
  const roles = ['reader', 'operator', 'auditor', 'platform-admin']
  everyone = await gateway.token({ roles, scopes: [] })
  planted['callersToken'] = everyone.split('.')[2] ?? ''
})

afterAll(async () => {
  await gateway.close()
  await tracing.stop()
  for (const server of [upstream, collector]) {
    server.close()
    server.closeAllConnections()
  }
  await directory[Symbol.asyncDispose]()
})

async function listening(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function urlOf(server: Server): string {
  const address = server.address()
  return `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
}

/** A server that says everything it was sent when it fails, as careless ones do. */
function upstreamOf(request: IncomingMessage, response: ServerResponse): void {
  let body = ''
  request.on('data', (chunk: Buffer) => (body += chunk.toString()))
  request.on('end', () => {
    const echo = JSON.stringify({ url: request.url, headers: request.headers, body })
    if (request.method !== 'POST') return void response.writeHead(405).end()
    const { id, method } = JSON.parse(body) as { id?: unknown; method: string }
    if (id === undefined) return void response.writeHead(202).end()
    const results: Record<string, unknown> = {
      initialize: {
        protocolVersion: '2025-06-18',
        capabilities: { tools: {} },
        serverInfo: { name: 'careless', version: '0' },
      },
      'tools/list': { tools: [{ name: 'fail', inputSchema: { type: 'object' } }] },
    }
    if (method === 'tools/call')
      return void response.writeHead(500, { 'x-echo': echo.slice(0, 2000) }).end(echo)
    response
      .writeHead(200, { 'content-type': 'application/json' })
      .end(JSON.stringify({ jsonrpc: '2.0', id, result: results[method] ?? {} }))
  })
}

async function ask(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<string> {
  const answer = await fetch(gateway.url + path, {
    method,
    redirect: 'manual',
    headers: { authorization: `Bearer ${everyone}`, 'content-type': 'application/json', ...headers },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  const text = `${[...answer.headers].join('\n')}\n${await answer.text()}`
  answers.push(text)
  return text
}

test('secrets planted in seventeen places are in no log, error, span, metric, record, export or answer', async () => {
  await useEverything()
  const records = await ask('GET', '/v1/audit?limit=1000')
  expect(records).toContain('web_fail')
  const metrics = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
  const seen: Record<string, string> = {
    answers: answers.join('\n'),
    metrics,
    spans: JSON.stringify(tracing.spans),
    exports: await everyExport(),
    files: await dataFiles(),
  }
  await gateway.gateway.close()
  seen['log'] = said.join('')
  seen['stream'] = streamed.join('')
  for (const [where, text] of Object.entries(seen)) {
    const found = Object.entries(planted).flatMap(([what, value]) => (text.includes(value) ? [what] : []))
    expect({ where, found }).toEqual({ where, found: [] })
  }
  expect(seen['spans']).toContain('web_fail')
  expect(seen['stream']).toContain('web_fail')
  expect(seen['exports']).toContain('web_fail')
  expect(seen['log']).toContain('server document created')
})

/** Every way on which a secret could come out. */
async function useEverything(): Promise<void> {
  const { argument } = planted
  for (const tool of ['web_fail', 'process_fail', 'referenced_fail', 'process_die', 'no_such_tool'])
    await ask('POST', `/v1/tools/${tool}`, { arguments: { password: argument, nested: [argument] } })
  await ask('POST', '/mcp', {
    jsonrpc: '2.0',
    id: 1,
    method: 'tools/call',
    params: { name: 'web_fail', arguments: { password: argument } },
  })
  await ask('POST', '/v1/servers', {
    name: 'wrong',
    transport: 'streamable-http',
    url: `not a url ${planted['refusedDocument']}`,
    headers: { a: planted['refusedDocument'] },
  })
  const created = await ask('POST', '/v1/servers', {
    name: 'created',
    enabled: false,
    transport: 'streamable-http',
    url: `${urlOf(upstream)}/mcp?key=${planted['query']}`,
    headers: { 'x-api-key': planted['header'] },
  })
  expect(created).toContain('"name":"created"')
  await ask('POST', '/v1/servers', {
    name: 'templated',
    transport: 'template',
    templateName: 'none',
    config: { key: planted['template'] },
  })
  await ask('DELETE', '/v1/servers/created', undefined, { 'if-match': '*' })
  await ask('GET', '/v1/servers', undefined, { authorization: `Bearer ${planted['wrongToken']}.a.b` })
  await ask('GET', '/v1/servers', undefined, { authorization: `Basic ${planted['wrongScheme']}` })
  await ask('GET', `/v1/tools?access_token=${planted['queryToken']}`)
  await ask('GET', '/dashboard', undefined, {
    authorization: '',
    cookie: `tool_gateway_session=${planted['cookie']}`,
  })
  await ask('POST', '/v1/servers/web/inspect')
  await ask('POST', '/v1/servers/process/inspect')
  for (const path of await readable()) await ask('GET', path)
}

/** Every operation of the API that only reads. */
async function readable(): Promise<string[]> {
  const text = await (
    await fetch(`${gateway.url}/v1/openapi.json`, { headers: { authorization: `Bearer ${everyone}` } })
  ).text()
  const document: unknown = JSON.parse(text)
  const paths = isJsonObject(document) && isJsonObject(document['paths']) ? document['paths'] : {}
  const reading = Object.entries(paths).flatMap(([path, item]) =>
    isJsonObject(item) && 'get' in item ? [path] : [],
  )
  expect(reading.length).toBeGreaterThan(10)
  const named = reading.flatMap((path) =>
    ['web', 'process', 'referenced'].map((name) =>
      path.replace(/\{\w+\}/, path.startsWith('/v1/tools') ? `${name}_fail` : name),
    ),
  )
  return [
    ...new Set([
      ...named,
      '/health',
      '/health/web',
      '/dashboard',
      '/v1/servers/web/logs',
      '/v1/servers/process/logs',
    ]),
  ]
}

async function everyExport(): Promise<string> {
  const stored = await openStoredChains({ dataDir: gateway.dataDir, firestore: undefined })
  const lines: string[] = []
  for (const format of ['jsonl', 'ocsf', 'cef'] as const)
    for await (const line of exportLines(stored.entries(), { filter: {}, format, keys: [], nowMs: 0 }))
      lines.push(line)
  await stored.close()
  return lines.join('\n')
}

/** What is written beside the files that are meant to have secrets. */
async function dataFiles(): Promise<string> {
  const kept: string[] = []
  for await (const file of glob('**/*', { cwd: gateway.dataDir, withFileTypes: true }))
    if (file.isFile() && !KEY_FILES.test(file.name))
      kept.push(await readFile(join(file.parentPath, file.name), 'latin1'))
  return kept.join('\n')
}
