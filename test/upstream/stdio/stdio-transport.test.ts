import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { existsSync, readFileSync } from 'node:fs'
import { promisify } from 'node:util'
import { afterEach, expect, test } from '@jest/globals'
import { type Clock, systemClock } from '../../../src/domain/clock.ts'
import { ProcessLog } from '../../../src/upstream/stdio/process-log.ts'
import { NotSent, StdioTransport } from '../../../src/upstream/stdio/stdio-transport.ts'
import { describeWhere } from '../../support/describe-where.ts'
import { eventually } from '../../support/eventually.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const opened: StdioTransport[] = []
afterEach(() => Promise.all(opened.splice(0).map((transport) => transport.close())))

async function start(
  script: string,
  log?: ProcessLog,
  clock: Clock = systemClock,
): Promise<{ transport: StdioTransport; messages: unknown[] }> {
  const transport = new StdioTransport({
    command: { command: process.execPath, args: ['-e', script], cwd: undefined, env: {} },
    maxMessageBytes: 1000,
    clock,
    log,
  })
  const messages: unknown[] = []
  Object.assign(transport, { onmessage: (message: unknown) => messages.push(message) })
  opened.push(transport)
  await transport.start()
  return { transport, messages }
}

test('lines that are no messages are ignored and counted', async () => {
  const lines = ['npm notice', '{"half":', '[1]', '{"jsonrpc":"1.0"}', '', '{"jsonrpc":"2.0","method":"m"}']
  const { transport, messages } = await start(
    `process.stdout.write(${JSON.stringify(`${lines.join('\n')}\n`)}); setInterval(() => {}, 1000)`,
  )
  await eventually(() => messages.length > 0)
  expect(messages).toEqual([{ jsonrpc: '2.0', method: 'm' }])
  expect(transport.ignoredLines).toBe(4)
})

test('a byte order mark in front of a message is passed over', async () => {
  const { messages } = await start(
    `console.log('\\uFEFF{"jsonrpc":"2.0","method":"m"}'); setInterval(() => {}, 1000)`,
  )
  await eventually(() => messages.length > 0)
  expect(messages).toEqual([{ jsonrpc: '2.0', method: 'm' }])
})

test.each([
  ['no JSON', '{"jsonrpc":"2.0","id":7,"result":{"x":NaN}}'],
  ['no JSON, with its id at the end', '{"result":{"x":Infinity},"jsonrpc":"2.0","id":7}'],
  ['cut', '{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"te'],
  ['no JSON-RPC 2.0', '{"id":7,"result":{}}'],
  ['JSON-RPC 1.0', '{"jsonrpc":"1.0","id":7,"error":null,"result":{}}'],
])('a response that is %s is an error of the request that it names', async (_what, line) => {
  const { messages, transport } = await start(
    `console.log(${JSON.stringify(line)}); setInterval(() => {}, 1000)`,
  )
  await eventually(() => messages.length > 0)
  expect(messages).toMatchObject([{ jsonrpc: '2.0', id: 7, error: { code: -31_002 } }])
  expect(transport.ignoredLines).toBe(1)
})

test('what a process says when it is ended is in its log, but no reason for its end', async () => {
  const log = new ProcessLog({ clock: systemClock })
  const script = `process.on('SIGTERM', () => { console.error('Error: terminated'); process.exit() }); setInterval(() => {}, 1000); console.error('Error: first')`
  const transport = new StdioTransport({
    command: { command: process.execPath, args: ['-e', script], cwd: undefined, env: {} },
    maxMessageBytes: 1000,
    clock: systemClock,
    log,
  })
  await transport.start()
  await eventually(() => transport.stderr.size > 0)
  await transport.close()
  expect(transport.exitReason).toBe('the connection was closed; it said: Error: first')
  expect(log.last(9).map(({ by, text }) => `${by}: ${text}`)).toEqual([
    'gateway: the process was started',
    'process: Error: first',
    'process: Error: terminated',
    'gateway: the gateway terminated the process',
  ])
})

test('standard error is kept, at most the last 64 KiB of it', async () => {
  const { transport } = await start(
    `process.stderr.write('x'.repeat(200000) + 'end'); setInterval(() => {}, 1000)`,
  )
  await eventually(() => transport.stderr.text().endsWith('end'))
  expect(transport.stderr.size).toBe(65_536)
})

test('nothing can be sent before the process runs and after it has gone', async () => {
  const { transport } = await start('process.exit(0)')
  await eventually(() =>
    transport.send({ jsonrpc: '2.0', method: 'm' }).then(
      () => false,
      () => true,
    ),
  )
  await expect(transport.send({ jsonrpc: '2.0', method: 'm' })).rejects.toThrow(NotSent)
  await transport.close()
  await transport.close()
  const idle = new StdioTransport({
    command: { command: 'x', args: [], cwd: undefined, env: {} },
    maxMessageBytes: 1,
    clock: systemClock,
  })
  await expect(idle.send({ jsonrpc: '2.0', method: 'm' })).rejects.toThrow(NotSent)
  expect(idle.pid).toBeUndefined()
  await idle.close()
})

test('a process that cannot be started for lack of descriptors is reported, and the next one starts', async () => {
  const program = join(import.meta.dirname, '../../support/upstreams/without-descriptors.ts')
  const { stdout } = await promisify(execFile)('sh', [
    '-c',
    'ulimit -n 100 && exec "$0" "$1"',
    process.execPath,
    program,
  ])
  expect(JSON.parse(stdout)).toEqual([
    'the command cat could not be started: the gateway has no file descriptors left (EMFILE) (shortage)',
    'The package could not be installed: npm could not be started (EMFILE)',
    'started',
  ])
})

test('a process that cannot be started for what it was given is reported without that', async () => {
  const transport = new StdioTransport({
    command: { command: 'cat', args: ['secret\0'], cwd: undefined, env: {} },
    maxMessageBytes: 1,
    clock: systemClock,
  })
  await expect(transport.start()).rejects.toThrow(
    /^the command cat could not be started \(ERR_INVALID_ARG_VALUE\)$/,
  )
  await transport.close()
})

describeWhere(existsSync('/proc/self/environ'), '/proc')(
  'processes that left the group of the program',
  () => {
    test('end with it, also when it exits by itself', async () => {
      const daemon =
        "require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { detached: true, stdio: 'ignore' })"
      const report = `const stray = ${daemon}; stray.unref(); console.log(JSON.stringify({ jsonrpc: '2.0', method: String(stray.pid) }))`
      const closed = await start(`${report}; setInterval(() => {}, 1000)`)
      const exited = await start(report)
      await eventually(() => closed.messages.length > 0 && exited.messages.length > 0)
      const strays = [...closed.messages, ...exited.messages].map((message) =>
        Number((message as { method: string }).method),
      )
      await closed.transport.close()
      await eventually(() => strays.every((pid) => !isRunning(pid)))
      expect(strays).toHaveLength(2)
    })
  },
)

/** One that has ended may be in the table of processes until its parent has noticed. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'latin1').includes(') Z ')
  } catch {
    return false
  }
}

test('a process that closes its standard output and lives on is lost', async () => {
  const { transport } = await start(`require('node:fs').closeSync(1); setInterval(() => {}, 1000)`)
  const lost = Promise.withResolvers<void>()
  Object.assign(transport, { onclose: () => lost.resolve() })
  await lost.promise
  expect(transport.exitReason).toBe('the process closed its standard output, on which it sends MCP messages')
})

test('a process that closes its standard input and lives on is lost as soon as something is sent', async () => {
  const { transport, messages } = await start(
    `process.stdin.destroy(); require('node:fs').closeSync(0); console.log('{"jsonrpc":"2.0","method":"closed"}'); setInterval(() => {}, 1000)`,
  )
  const lost = Promise.withResolvers<void>()
  Object.assign(transport, { onclose: () => lost.resolve() })
  await eventually(() => messages.length > 0)
  await transport.send({ jsonrpc: '2.0', id: 1, method: 'ping' })
  await lost.promise
  expect(transport.exitReason).toBe('the process closed its standard input, on which it gets MCP messages')
})

test('after each part of a flood on standard error the gateway rests, until the process has ended', async () => {
  const clock = new FakeClock()
  const log = new ProcessLog({ clock })
  const texts: string[] = []
  log.follow(
    ({ by, text }) => void (by === 'process' && texts.push(text)),
    () => undefined,
  )
  const { transport } = await start(
    `process.stderr.write('line\\n'.repeat(200)); setInterval(() => {}, 1000)`,
    log,
    clock,
  )
  await eventually(() => texts.length > 0)
  for (let turns = 0; turns < 100; turns += 1) await new Promise((resolve) => void setImmediate(resolve))
  expect(texts).toHaveLength(50)
  await clock.advance(10)
  expect(texts).toHaveLength(100)
  process.kill(transport.pid ?? 0, 'SIGKILL')
  await eventually(async () => {
    await clock.advance(10)
    return texts.length === 200
  })
})

test('a flood on standard error is read a few lines in each turn, and all of it in order', async () => {
  const log = new ProcessLog({ clock: systemClock })
  let turn = 0
  let ticking = setImmediate(function tick() {
    turn += 1
    ticking = setImmediate(tick)
  })
  const inTurns = new Map<number, number>()
  const texts: string[] = []
  log.follow(
    ({ by, text }) => {
      if (by === 'gateway') return
      inTurns.set(turn, (inTurns.get(turn) ?? 0) + 1)
      texts.push(text)
    },
    () => undefined,
  )
  await start(
    `let i = 0; const lines = Array.from({ length: 5000 }, () => 'l' + i++).join('\\n'); process.stderr.write(lines + '\\n'); setInterval(() => {}, 1000)`,
    log,
  )
  await eventually(() => texts.at(-1) === 'l4999')
  clearImmediate(ticking)
  expect(texts).toEqual(Array.from({ length: 5000 }, (_, index) => `l${index}`))
  // Two runs of 50 lines can fall between two turns.
  expect(Math.max(...inTurns.values())).toBeLessThanOrEqual(100)
})
