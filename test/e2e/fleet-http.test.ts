import { setInterval } from 'node:timers/promises'
import { afterEach, describe, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { postMcp } from '../support/raw-mcp.ts'
import { SignedProcess } from '../support/signed-process.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

interface Answer {
  readonly status: number
  readonly text: string
}

/** A gateway with one server of three endpoints, each a process of its own. */
async function fleet(era: 'legacy' | 'modern'): Promise<{
  gateway: TestGateway
  processes: SignedProcess[]
  call: (tool: string) => Promise<Answer>
  token: string
}> {
  const processes = [1, 2, 3].map(() => new SignedProcess({ era }))
  for (const each of processes) {
    await each.start()
    closers.push(() => each.kill())
  }
  const gateway = await startTestGateway({
    fleet: {
      transport: 'streamable-http',
      instances: processes.map(({ url }) => ({ url })),
      loadBalancing: 'round_robin',
      healthCheck: { intervalMs: 1000, unhealthyAfter: 2 },
      requiredRoles: ['reader'],
    },
  })
  closers.push(() => gateway.close())
  const token = await gateway.token()
  await eventually(() => states(gateway).every((state) => state === 'ready'))
  const call = async (tool: string): Promise<Answer> => {
    const { status, body } = await gateway.rest(token, 'POST', `/v1/tools/fleet_${tool}`, {})
    return { status, text: JSON.stringify(body) }
  }
  return { gateway, processes, call, token }
}

function states({ gateway }: TestGateway): string[] {
  return (gateway.statuses()[0]?.instances ?? []).map(({ state }) => state)
}

/** How many of `count` calls, one after the other, each process answers. */
async function shares(
  { processes, call }: Pick<Awaited<ReturnType<typeof fleet>>, 'processes' | 'call'>,
  count: number,
): Promise<number[]> {
  const answered = processes.map(() => 0)
  for (let turn = 0; turn < count; turn += 1) {
    const { status, text } = await call('who')
    expect(status).toBe(200)
    const index = processes.findIndex(({ signature }) => text.includes(`"${signature}"`))
    answered[index] = (answered[index] ?? 0) + 1
  }
  return answered
}

describe.each(['legacy', 'modern'] as const)('three endpoints of a %s server', (era) => {
  test('have equal shares; when one is killed only its calls in flight fail, and it gets its share back', async () => {
    const world = await fleet(era)
    const { gateway, processes, call, token } = world
    expect(await shares(world, 30)).toEqual([10, 10, 10])

    const held = Array.from({ length: 6 }, () => call('hold'))
    const instances = (): readonly { inFlight: number }[] => gateway.gateway.statuses()[0]?.instances ?? []
    await eventually(() => instances().every(({ inFlight }) => inFlight === 2))

    const lists: (number | undefined)[] = []
    const over = new AbortController()
    const listing = (async (): Promise<void> => {
      for await (const _ of setInterval(100)) {
        if (over.signal.aborted) return
        const request = { jsonrpc: '2.0', id: 1, method: 'tools/list' }
        const { status } = await gateway.rest(token, 'GET', '/v1/tools')
        const opened = await postMcp(gateway.url, token, {
          jsonrpc: '2.0',
          id: 0,
          method: 'initialize',
          params: {
            protocolVersion: '2025-11-25',
            capabilities: {},
            clientInfo: { name: 'raw', version: '1' },
          },
        })
        const session = { 'mcp-session-id': opened.headers.get('mcp-session-id') ?? '' }
        const { message } = await postMcp(gateway.url, token, request, { headers: session })
        const { tools } = message.result ?? {}
        lists.push(status, Array.isArray(tools) ? tools.length : undefined)
      }
    })()

    const [killed] = processes
    await killed?.kill()
    expect(await shares(world, 30)).toEqual([0, 15, 15])
    await eventually(() => !states(gateway).every((state) => state === 'ready'))
    for (const each of processes.slice(1)) each.release()
    const answers = await Promise.all(held)
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(4)
    expect(
      answers.filter(({ status }) => status !== 200).map(({ text }) => JSON.parse(text) as unknown),
    ).toMatchObject([
      { code: 'upstream_unavailable', mayHaveExecuted: true },
      { code: 'upstream_unavailable', mayHaveExecuted: true },
    ])

    await killed?.start()
    await eventually(() => states(gateway).every((state) => state === 'ready'))
    expect(await shares(world, 30)).toEqual([10, 10, 10])
    over.abort()
    await listing
    expect(lists.length).toBeGreaterThan(0)
    expect(new Set(lists)).toEqual(new Set([200, 2]))
  }, 120_000)
})
