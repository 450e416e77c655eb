/** A server over stdio by hand, whose tools misbehave as their names say. First argument: how it starts. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

type Fields = Record<string, unknown>

const write = (line: string | Buffer): boolean => process.stdout.write(line)
const say = (message: Fields): boolean => write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`)
const text = (value: string): Fields => ({ content: [{ type: 'text', text: value }] })
const mode = process.argv[2] ?? ''

if (mode === 'chatty') {
  for (let n = 0; n < 64; n += 1) process.stderr.write(`${'e'.repeat(65_535)}\n`)
  write('npm notice a new version\n')
  write(Buffer.from([0, 0, 0xff, 0xfe, 10]))
  write('{"half": \nnull\n[]\n"x"\n5\n')
}
if (mode === 'stubborn') process.on('SIGTERM', () => undefined)

/** Writes a line so often, as fast as it is read. */
function flood(count: number, line: string, then: () => void): void {
  let left = count
  const go = (): void => {
    while (left > 0) {
      left -= 1
      if (!write(line)) return void process.stdout.once('drain', go)
    }
    then()
  }
  go()
}

const notification = (method: string, params: Fields): string =>
  `${JSON.stringify({ jsonrpc: '2.0', method, params })}\n`

const CALLS: Readonly<Record<string, (id: number) => unknown>> = {
  right: (id) => say({ id, result: text('right') }),
  never: () => undefined,
  dies: () => process.exit(3),
  aborts: () => process.abort(),
  'killed-itself': () => process.kill(process.pid, 'SIGKILL'),
  deaf: (id) => {
    lines.close()
    process.stdin.pause()
    setInterval(() => undefined, 1000)
    return say({ id, result: text('deaf now') })
  },
  'large-11-mb': (id) => say({ id, result: text('x'.repeat(11 * 1024 * 1024)) }),
  'endless-line': () => flood(Number.MAX_SAFE_INTEGER, 'x'.repeat(65_536), () => undefined),
  'notifications-200k': (id) =>
    flood(200_000, notification('notifications/message', { level: 'info', data: 'd' }), () =>
      say({ id, result: text('flooded') }),
    ),
  'changes-20k': (id) =>
    flood(20_000, notification('notifications/tools/list_changed', {}), () =>
      say({ id, result: text('flooded') }),
    ),
  'empty-lines-1m': (id) => flood(1_000_000, '\n', () => say({ id, result: text('flooded') })),
  'objects-200k': (id) => flood(200_000, '{}\n', () => say({ id, result: text('flooded') })),
  'garbage-200k': (id) => flood(200_000, 'garbage\n', () => say({ id, result: text('flooded') })),
  'stderr-flood': (id) => {
    for (let n = 0; n < 64; n += 1) process.stderr.write(`${'e'.repeat(65_535)}\n`)
    return say({ id, result: text('said') })
  },
  'foreign-id': () => say({ id: 999_999, result: text('WRONG') }),
  'text-id': (id) => say({ id: String(id), result: text('TEXT') }),
  'null-id': () => say({ id: null, result: text('NULL') }),
  both: (id) => say({ id, result: text('r'), error: { code: 1, message: 'e' } }),
  'no-content': (id) => say({ id, result: {} }),
  twice: (id) => {
    say({ id, result: text('first') })
    return say({ id, result: text('SECOND') })
  },
  'half-utf8': (id) => {
    write(
      Buffer.concat([
        Buffer.from('{"jsonrpc":"2.0","method":"x","params":{"a":"'),
        Buffer.from([0xc3]),
        Buffer.from('"}}\n'),
      ]),
    )
    return say({ id, result: text('right') })
  },
  'line-feeds-of-windows': (id) =>
    write(`${JSON.stringify({ jsonrpc: '2.0', id, result: text('right') })}\r\n`),
  pieces: (id) => {
    for (const character of JSON.stringify({ jsonrpc: '2.0', id, result: text('right') })) write(character)
    return write('\n')
  },
  asks: (id) => {
    say({ id: 'q', method: 'sampling/createMessage', params: { messages: [], maxTokens: 1 } })
    return say({ id, result: text('asked') })
  },
  'asks-10k': (id) =>
    flood(10_000, `${JSON.stringify({ jsonrpc: '2.0', id: 'q', method: 'roots/list' })}\n`, () =>
      say({ id, result: text('asked') }),
    ),
  children: (id) => {
    const script = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'
    spawn(process.execPath, ['-e', script], { stdio: 'ignore' }).unref()
    return say({ id, result: text('forked') })
  },
}

function take(line: string): void {
  const { id, method, params } = JSON.parse(line) as { id?: number; method?: string; params?: Fields }
  if (id === undefined || method === undefined) return
  if (method === 'initialize')
    say({
      id,
      result: {
        protocolVersion: '2025-11-25',
        capabilities: { tools: { listChanged: true }, logging: {} },
        serverInfo: { name: 'by-hand', version: '1' },
      },
    })
  else if (method === 'tools/list')
    say({
      id,
      result: { tools: Object.keys(CALLS).map((name) => ({ name, inputSchema: { type: 'object' } })) },
    })
  else if (method === 'tools/call') CALLS[String(params?.['name'])]?.(id)
  else if (method === 'ping') say({ id, result: {} })
  else say({ id, error: { code: -32_601, message: 'no such method' } })
}

const lines = createInterface({ input: process.stdin })
lines.on('line', take)
