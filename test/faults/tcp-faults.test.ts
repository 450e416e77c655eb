import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { endsWithUs } from '../support/ends-with-us.ts'
import { eventually } from '../support/eventually.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { TcpFaultProxy } from './tcp-fault-proxy.ts'

let dir: string
let server: ChildProcess
let proxy: TcpFaultProxy
let gateway: TestGateway
let token: string

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tool-gateway-tcp-'))
  server = spawn(process.execPath, ['test/faults/ledger-server.ts', join(dir, 'ledger')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  endsWithUs(server)
  if (server.stdout === null) throw new Error('no output')
  const [port] = (await once(createInterface({ input: server.stdout }), 'line')) as [string]
  proxy = await TcpFaultProxy.open(Number(port))
  const url = `http://127.0.0.1:${proxy.port}/mcp`
  gateway = await startTestGateway({
    ledger: { transport: 'streamable-http', url, timeoutMs: 3000, circuitBreaker: { failureThreshold: 100 } },
  })
  token = await gateway.token()
}, 60_000)

afterEach(async () => {
  proxy.fault = {}
  await eventually(async () => (await write('well')).status === 200, { what: 'calls are answered again' })
})

afterAll(async () => {
  await gateway.close()
  await proxy.close()
  const exited = once(server, 'exit')
  server.kill('SIGKILL')
  await exited
  await rm(dir, { recursive: true, force: true })
})

function write(id: string): ReturnType<TestGateway['rest']> {
  return gateway.rest(token, 'POST', '/v1/tools/ledger_write', { arguments: { id } })
}

async function timesExecuted(id: string): Promise<number> {
  const lines = (await readFile(join(dir, 'ledger'), 'utf8')).split('\n')
  return lines.filter((line) => line === id).length
}

test.each([0, 1, 20, 150])(
  'an answer of a server that is cut after %i bytes is an error that says that the call may have run, and it ran once',
  async (bytes) => {
    const id = `cut-${bytes}`
    proxy.fault = { cutAfter: bytes }
    const { status, body } = await write(id)
    expect(status).toBeGreaterThanOrEqual(500)
    expect(body).toMatchObject({ server: 'ledger', mayHaveExecuted: true })
    expect(await timesExecuted(id)).toBe(1)
  },
)

test('a server whose connection is half open is left at the time limit, and the call ran once', async () => {
  proxy.fault = { isHalfOpen: true }
  const { status, body } = await write('half-open')
  expect([status, body]).toEqual([
    504,
    expect.objectContaining({ code: 'upstream_timeout', mayHaveExecuted: true }),
  ])
  expect(await timesExecuted('half-open')).toBe(1)
})

test('a slow connection is no error', async () => {
  proxy.fault = { delayMs: 50 }
  expect((await write('slow')).status).toBe(200)
})
