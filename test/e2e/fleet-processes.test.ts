import { join } from 'node:path'
import { afterEach, expect, test } from '@jest/globals'
import { startsCompiled } from '../support/compiled.ts'
import { eventually } from '../support/eventually.ts'
import { descendantsOf, isAlive } from '../support/process-tree.ts'
import { postMcp } from '../support/raw-mcp.ts'
import { soak } from '../support/soak.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const PROGRAM = join(import.meta.dirname, '../support/upstreams/signed-stdio.ts')

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

async function started(fields: Record<string, unknown>): Promise<TestGateway> {
  const gateway = await startTestGateway({
    fleet: {
      ...startsCompiled,
      transport: 'stdio',
      command: process.execPath,
      args: [PROGRAM],
      era: 'legacy',
      requiredRoles: ['reader'],
      ...fields,
    },
  })
  closers.push(() => gateway.close())
  return gateway
}

function status({ gateway }: TestGateway): ReturnType<typeof gateway.statuses>[number] {
  const [first] = gateway.statuses()
  if (first === undefined) throw new Error('there is no server')
  return first
}

test('64 callers make a pool grow to its limit, wait or are refused at once, and it shrinks when it is idle', async () => {
  const before = descendantsOf(process.pid)
  const processes = (): number => descendantsOf(process.pid).filter((pid) => !before.includes(pid)).length
  const pool = {
    min: 1,
    max: 4,
    maxConcurrentPerInstance: 4,
    queueLimit: 32,
    queueTimeoutMs: 120_000,
    idleMs: 1000,
  }
  const gateway = await started({ pool, timeoutMs: 120_000 })
  const token = await gateway.token()
  // At first there is one more, to find out what clients that can be asked get to see.
  await eventually(() => processes() === 1)
  let refusals = 0
  const hold = async (): ReturnType<typeof gateway.rest> => {
    const answer = await gateway.rest(token, 'POST', '/v1/tools/fleet_hold', {})
    if (answer.status !== 200) refusals += 1
    return answer
  }
  const calls = Array.from({ length: 16 }, hold)
  await eventually(() => status(gateway).inFlight === 16, { timeoutMs: 60_000 })
  expect(processes()).toBe(4)
  calls.push(...Array.from({ length: 48 }, hold))
  await eventually(() => status(gateway).waiting === 32 && refusals === 16, { timeoutMs: 60_000 })
  const metrics = await (await fetch(gateway.gateway.metricsUrl ?? '')).text()
  expect(metrics).toMatch(/^gateway_instances\{[^}]*server="fleet"[^}]*state="ready"[^}]*\} 4$/m)
  expect(metrics).toMatch(/^gateway_queue\{[^}]*server="fleet"[^}]*\} 32$/m)
  expect(metrics).toMatch(/^gateway_busy_total\{[^}]*server="fleet"[^}]*\} 16$/m)
  for (const { pid } of status(gateway).instances) process.kill(pid ?? 0, 'SIGUSR2')
  const answers = await Promise.all(calls)
  for (const { status: code, headers, body } of answers.filter((answer) => answer.status !== 200)) {
    const facts = [code, body['code'], body['retryable'], body['mayHaveExecuted']]
    expect(facts).toEqual([503, 'upstream_busy', true, false])
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
  }
  const signatures = answers.flatMap(({ body }) => /"text":"(\d+)"/.exec(JSON.stringify(body))?.[1] ?? [])
  expect(signatures).toHaveLength(48)
  expect(new Set(signatures).size).toBe(4)
  await eventually(() => processes() === 1)
  await eventually(() => status(gateway).instances.length === 1)
}, 150_000)

test('a process that hangs is found and replaced, and calls run again', async () => {
  const healthCheck = { intervalMs: 1000, timeoutMs: 1000, unhealthyAfter: 2 }
  const gateway = await started({ healthCheck, clientCapabilities: [] })
  const token = await gateway.token()
  const hung = status(gateway).instances[0]?.pid ?? 0
  process.kill(hung, 'SIGSTOP')
  await eventually(() => status(gateway).state === 'backing_off')
  expect(status(gateway).reason).toMatch(/^it failed 2 health checks in a row/)
  await eventually(() => status(gateway).state === 'ready')
  expect(status(gateway).instances).toMatchObject([{ health: 'healthy', restarts: 1 }])
  expect(isAlive(hung)).toBe(false)
  expect((await gateway.rest(token, 'POST', '/v1/tools/fleet_who', {})).status).toBe(200)
})

test('after sessions have come and gone by the hundred there are as many processes as before', async () => {
  const before = descendantsOf(process.pid)
  const processes = (): number => descendantsOf(process.pid).filter((pid) => !before.includes(pid)).length
  const gateway = await started({ pool: { max: 4 } })
  const token = await gateway.token()
  // At first there is one more, to find out what clients that can be asked get to see.
  await eventually(() => processes() === 1)
  /** One in fifty can be asked by its servers, and so has a process of its own. */
  const session = async (index: number): Promise<void> => {
    const clientInfo = { name: 'raw', version: '1' }
    const capabilities = index % 50 === 0 ? { sampling: {} } : {}
    const opened = await postMcp(gateway.url, token, {
      jsonrpc: '2.0',
      id: 0,
      method: 'initialize',
      params: { protocolVersion: '2025-11-25', capabilities, clientInfo },
    })
    const headers = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
    const params = { name: 'fleet_who', arguments: {} }
    const called = await postMcp(
      gateway.url,
      token,
      { jsonrpc: '2.0', id: 1, method: 'tools/call', params },
      { headers },
    )
    expect(called.message.result).toMatchObject({ content: [{ type: 'text' }] })
    const ended = await fetch(`${gateway.url}/mcp`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${token}`, ...headers },
    })
    expect(ended.ok).toBe(true)
  }
  const sessions = Array.from({ length: soak(1000, 200) }, (_, index) => index).values()
  const inTurn = async (): Promise<void> => {
    for (const index of sessions) await session(index)
  }
  await Promise.all(Array.from({ length: 16 }, inTurn))
  await eventually(() => processes() === 1)
  await eventually(() => status(gateway).instances.length === 1)
}, 180_000)
