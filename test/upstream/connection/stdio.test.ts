import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { systemClock } from '../../../src/domain/clock.ts'
import type { JsonObject } from '../../../src/domain/json/json.ts'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import { ProcessLog } from '../../../src/upstream/stdio/process-log.ts'
import { EXOTIC_RESULT, EXOTIC_TOOL } from '../../support/upstreams/sample-server.ts'
import { eventually } from '../../support/eventually.ts'
import { isAlive } from '../../support/process-tree.ts'
import { definitionOf, programOf } from '../../support/server-definitions.ts'
import { type RelayedServer, relayedServer } from '../../support/stdio-relay.ts'
import { servingSample } from '../../support/upstreams/stdio-servers.ts'
import { callTool, Connecting } from './connecting.ts'

const connecting = new Connecting()
afterEach(() => connecting.closeAll())

describe.each([
  ['legacy', '2025-11-25'],
  ['modern', '2026-07-28'],
] as const)('a stdio server of the %s era', (era, protocolVersion) => {
  let relayed: RelayedServer
  let sample: ServerDefinition

  beforeAll(async () => {
    relayed = await relayedServer(servingSample(era))
    sample = definitionOf(relayed.document)
  })

  afterAll(() => relayed.close())

  test('is recognised, and tells what it is', async () => {
    const { connection } = await connecting.open(sample)
    expect(connection).toMatchObject({
      era,
      protocolVersion,
      instructions: 'Be kind.',
      serverInfo: { name: 'sample', version: '1.2.3' },
      capabilities: { tools: { listChanged: true } },
    })
    expect(connection.pid).toBeGreaterThan(0)
  })

  test('is spoken to at once when its era is given', async () => {
    const { connection, call } = await connecting.open(programOf('sample-stdio.ts', [era], { era }))
    expect(connection.era).toBe(era)
    expect(await call('pid')).toBe(String(connection.pid))
  })

  test('passes results with every field that it sent', async () => {
    const { connection } = await connecting.open(sample)
    expect(await callTool(connection, 'exotic')).toEqual(EXOTIC_RESULT)
    const page = await connection.request('tools/list', undefined, { signal: undefined, timeoutMs: 5000 })
    expect(page['tools']).toContainEqual(EXOTIC_TOOL)
    const read = await connection.request(
      'resources/read',
      { uri: 'sample://q' },
      { signal: undefined, timeoutMs: 5000 },
    )
    expect(read).toMatchObject({ contents: [{ uri: 'sample://q', text: 'content', x: 1 }] })
    expect(read).not.toHaveProperty('_meta')
    expect(read).not.toHaveProperty('resultType')
  })

  test('passes its JSON-RPC errors on with code, message and data', async () => {
    const { connection } = await connecting.open(sample)
    await expect(callTool(connection, 'fail')).rejects.toMatchObject({
      code: 'upstream_error',
      facts: {
        server: 'sample',
        upstream: { code: -32_050, message: 'the tool is out of order', data: { hint: 'later' } },
      },
    })
  })

  test('reports progress without its token', async () => {
    const { connection } = await connecting.open(sample)
    const progress: unknown[] = []
    await connection.request(
      'tools/call',
      { name: 'progress' },
      { signal: undefined, timeoutMs: 5000, onProgress: (step) => progress.push(step) },
    )
    expect(progress).toEqual([
      { progress: 1, total: 2, message: 'step 1' },
      { progress: 2, total: 2, message: 'step 2' },
    ])
  })

  test('is told of a cancelled call, which fails at once', async () => {
    const { connection, call } = await connecting.open(sample)
    const controller = new AbortController()
    const held = callTool(connection, 'hold', {}, 20_000, controller.signal)
    await call('echo')
    controller.abort()
    await expect(held).rejects.toMatchObject({
      code: 'cancelled',
      facts: { server: 'sample', mayHaveExecuted: true },
    })
    await eventually(async () => (await call('cancelled')) === '1')
  })

  test('is told of a call that took too long', async () => {
    const { connection, call } = await connecting.open(sample)
    await expect(callTool(connection, 'hold', {}, 100)).rejects.toMatchObject({
      code: 'upstream_timeout',
      facts: { server: 'sample', mayHaveExecuted: true },
    })
    expect(await call('cancelled')).toBe('1')
  })

  test('announces changed lists', async () => {
    const { call, changes } = await connecting.open(sample)
    await eventually(async () => {
      await call('change')
      return changes.includes('tools')
    })
    expect(changes).toContain('tools')
  })

  test('fails its calls in flight at once when it is killed, and reports the loss', async () => {
    const { connection, lost } = await connecting.open(sample)
    const held = callTool(connection, 'hold')
    const { pid } = connection
    process.kill(pid ?? 0, 'SIGKILL')
    await expect(held).rejects.toMatchObject({
      code: 'upstream_unavailable',
      message: 'Server sample is unavailable',
      facts: { server: 'sample', mayHaveExecuted: true },
    })
    expect(lost).toEqual(['the process was terminated by SIGKILL, which the gateway did not send'])
  })
})

describe('the environment of a stdio server', () => {
  test('is what its definition declares, what every program needs, and how to get out', async () => {
    const own = { GATEWAY_SECRET_OF_TEST: 'do not tell', SSL_CERT_DIR: '/certificates' }
    Object.assign(process.env, own)
    const { call } = await connecting.open(
      programOf('sample-stdio.ts', ['legacy'], { env: { DECLARED: 'yes' } }),
    )
    for (const name of Object.keys(own)) delete process.env[name]
    const env = JSON.parse(await call('env')) as Record<string, string>
    expect(env).toMatchObject({ DECLARED: 'yes', SSL_CERT_DIR: '/certificates', PATH: process.env['PATH'] })
    expect(env).not.toHaveProperty('GATEWAY_SECRET_OF_TEST')
  })
})

describe('an old stdio server', () => {
  test.each(['dies-of-probe', 'ignores-probe'])(
    'that %s is started as a legacy server, and remembered as one',
    async (mode) => {
      const connect = connecting.connector()
      const server = programOf('raw-stdio.ts', [mode])
      const first = await connecting.open(server, { connect, timeoutMs: 20_000 })
      expect(first.connection).toMatchObject({ era: 'legacy', protocolVersion: '2025-06-18' })
      expect(await first.call('echo')).toBe('echo')
      const sent: unknown[] = []
      const tap = {
        onTarget: (): void => undefined,
        onMessage: (direction: string, { method }: JsonObject): unknown =>
          direction === 'sent' && sent.push(method),
        log: new ProcessLog({ clock: systemClock }),
      }
      const second = await connecting.open(server, { connect, tap })
      expect(await second.call('echo')).toBe('echo')
      expect(sent).toEqual(['initialize', 'notifications/initialized', 'tools/call'])
    },
  )
})

test('a server that the question for its era silences is opened without it at the next try', async () => {
  const connect = connecting.connector()
  const server = programOf('raw-stdio.ts', ['hangs-after-probe'])
  await expect(connecting.open(server, { connect, timeoutMs: 1500 })).rejects.toThrow('did not open')
  const { connection, call } = await connecting.open(server, { connect })
  expect(connection.era).toBe('legacy')
  expect(await call('echo')).toBe('echo')
})

function open(mode: string): ReturnType<Connecting['open']> {
  return connecting.open(programOf('raw-stdio.ts', [mode], { era: 'legacy' }))
}

describe('a hostile stdio server', () => {
  test.each(['big-id-first', 'big-id-last'])(
    'that sends too large an answer (%s) fails that call alone',
    async (name) => {
      const { connection, call, lost } = await open('')
      const others = [call('echo'), call('echo')]
      await expect(callTool(connection, name)).rejects.toMatchObject({
        code: 'response_too_large',
        facts: { server: 'sample', mayHaveExecuted: true },
      })
      expect(await Promise.all(others)).toEqual(['echo', 'echo'])
      expect(await call('echo')).toBe('echo')
      expect(lost).toEqual([])
    },
  )

  test('that hides the id of too large an answer lets that call run into its timeout', async () => {
    const { connection, call } = await open('')
    await expect(callTool(connection, 'big-id-hidden', {}, 300)).rejects.toMatchObject({
      code: 'upstream_timeout',
    })
    expect(await call('echo')).toBe('echo')
  })

  test('that prints other things between its messages is understood', async () => {
    const { call } = await open('garbage')
    expect(await call('echo')).toBe('echo')
  })

  test('that floods its standard error is not blocked by it', async () => {
    const { call } = await open('stderr-flood')
    expect(await call('echo')).toBe('echo')
  })

  test('that floods notifications still answers', async () => {
    const { call } = await open('')
    expect(await call('flood')).toBe('flooded')
  })

  test('that asks for a completion of a model is refused and goes on', async () => {
    const { call } = await open('')
    expect(await call('ask')).toBe('asked')
  })

  test('that writes null where there is no error is understood', async () => {
    const server = programOf('raw-stdio.ts', ['null-error'], { era: 'legacy' })
    const { call } = await connecting.open(server)
    expect(await call('echo')).toBe('echo')
  })

  test.each(['not-an-object', 'both'])(
    'that answers with nonsense (%s) is named as the culprit',
    async (name) => {
      const { connection } = await open('')
      await expect(callTool(connection, name)).rejects.toMatchObject({
        code: 'upstream_bad_response',
        message: 'Server sample returned an invalid response',
        facts: { server: 'sample' },
      })
    },
  )

  test('that exits during a call fails it at once, with its exit code in the reason', async () => {
    const { connection, lost } = await open('')
    await expect(callTool(connection, 'exit')).rejects.toMatchObject({ code: 'upstream_unavailable' })
    expect(lost).toEqual(['the process exited with code 5'])
  })

  test('that answers and exits has answered', async () => {
    const { call } = await open('')
    expect(await call('last-words')).toBe('bye')
  })

  test('that never reads its input does not make the gateway hold more than 16 MiB for it', async () => {
    const { connection } = await open('never-reads')
    const calls: Promise<unknown>[] = []
    let isRefused = false
    await eventually(
      () => {
        calls.push(
          callTool(connection, 'echo', { text: 'x'.repeat(1_000_000) }).catch((error: unknown) => {
            const { code, facts } = error as { code: string; facts: { mayHaveExecuted: boolean } }
            isRefused ||= code === 'upstream_unavailable' && !facts.mayHaveExecuted
          }),
        )
        return isRefused
      },
      { intervalMs: 20 },
    )
    expect(calls.length).toBeLessThan(500)
    await connection.close()
    await Promise.all(calls)
  })

  test.each(['grandchild', 'ignores-sigterm'])(
    'of kind %s is gone after close with all it started',
    async (mode) => {
      const { connection } = await open(mode)
      const leader = connection.pid ?? 0
      await connection.close()
      await eventually(() => !isAlive(leader))
      await eventually(() => !isGroupLeft(leader))
      expect(isAlive(leader)).toBe(false)
    },
  )

  test('that dies on its own takes along what it started', async () => {
    const { connection, lost } = await open('grandchild')
    const leader = connection.pid ?? 0
    process.kill(leader, 'SIGKILL')
    await eventually(() => lost.length > 0)
    await eventually(() => !isGroupLeft(leader))
    expect(isAlive(leader)).toBe(false)
  })
})

function isGroupLeft(leader: number): boolean {
  try {
    return process.kill(-leader, 0)
  } catch {
    return false
  }
}
