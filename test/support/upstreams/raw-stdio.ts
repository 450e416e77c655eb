/**
 * A hostile or broken stdio server of the legacy era, written by hand. First argument: how it misbehaves. The tool
 * call `{"name": "echo"}` always answers properly.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'

const mode = process.argv[2] ?? ''
const write = (value: unknown): void => {
  process.stdout.write(`${typeof value === 'string' ? value : JSON.stringify(value)}\n`)
}
const result = (id: unknown, value: unknown): void =>
  write({ jsonrpc: '2.0', id, result: value, ...(mode === 'null-error' && { error: null }) })
const text = (value: string): unknown => ({ content: [{ type: 'text', text: value }] })

if (mode === 'stderr-flood') for (let i = 0; i < 64; i += 1) process.stderr.write(`${'e'.repeat(65_536)}\n`)
if (mode === 'garbage')
  write('npm notice a new version\n\0\0\n{"half": \n[1,2]\n"text"\n{"jsonrpc":"1.0"}\nnull')
if (mode === 'crash') {
  process.stderr.write(`starting\nFATAL: no access with key ${process.env['API_KEY']}\n`)
  process.exit(7)
}
if (mode === 'ignores-sigterm') process.on('SIGTERM', () => undefined)
if (mode === 'grandchild' || mode === 'ignores-sigterm') {
  const script = 'process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)'
  const child = spawn(process.execPath, ['-e', script], { stdio: 'inherit' })
  process.stderr.write(`grandchild ${child.pid}\n`)
}
if (mode === 'silent') process.stdin.pause()

type Message = { id?: number; method?: string; params?: { name?: string } }

/** Deeper than the stack of whoever writes it as JSON. */
const deep = (): string => '['.repeat(20_000) + ']'.repeat(20_000)

/** Answers that do not follow the rules, by the name of the tool called. */
const CALLS: Record<string, (id: unknown) => void> = {
  echo: (id) => result(id, text('echo')),
  'big-id-first': (id) =>
    write(`{"jsonrpc":"2.0","id":${String(id)},"result":{"x":"${'x'.repeat(200_000)}"}}`),
  'big-id-last': (id) =>
    write(`{"result":{"id":99,"x":"${'x'.repeat(200_000)}"},"jsonrpc":"2.0","id":${String(id)}}`),
  'big-id-hidden': (id) =>
    write(`{"jsonrpc":"2.0","x":"${'x'.repeat(200_000)}","id":${String(id)},"result":{},"y":1}`),
  'not-an-object': (id) => result(id, 'text'),
  both: (id) => write({ jsonrpc: '2.0', id, result: {}, error: { code: 1, message: 'no' } }),
  exit: () => process.exit(5),
  ask: (id) => {
    write({ jsonrpc: '2.0', id: 'q', method: 'sampling/createMessage', params: {} })
    result(id, text('asked'))
  },
  flood: (id) => {
    for (let i = 0; i < 10_000; i += 1) {
      write({ jsonrpc: '2.0', method: 'notifications/message', params: { level: 'info', data: i } })
    }
    result(id, text('flooded'))
  },
  'deep-update': (id) => {
    write(
      `{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"x://a","y":${deep()}}}`,
    )
    result(id, text('updated'))
  },
  'deep-error': (id) =>
    write(`{"jsonrpc":"2.0","id":${String(id)},"error":{"code":-1,"message":"no","data":${deep()}}}`),
  say: (id) => {
    write({ jsonrpc: '2.0', method: 'notifications/vendor', params: {} })
    result(id, text('said'))
  },
  'last-words': (id) => {
    result(id, text('bye'))
    process.exit(0)
  },
}

let mayAnswer = mode !== 'silent'

let isProbed = false

function probe(id: unknown): void {
  isProbed = true
  if (mode === 'modern') {
    return result(id, {
      supportedVersions: ['2026-07-28'],
      capabilities: { tools: {} },
      _meta: { 'io.modelcontextprotocol/serverInfo': { name: 'raw', version: '0' } },
      resultType: 'complete',
      ttlMs: 0,
      cacheScope: 'private',
    })
  }
  if (mode === 'dies-of-probe') process.exit(1)
  if (mode === 'hangs-after-probe') mayAnswer = false
  const isPolite = mayAnswer && mode !== 'ignores-probe'
  if (isPolite) write({ jsonrpc: '2.0', id, error: { code: -32_601, message: 'unknown' } })
}

function initialize(id: unknown): void {
  if (mode === 'modern') write({ jsonrpc: '2.0', id, error: { code: -32_601, message: 'unknown' } })
  else if (mode !== 'answers-and-hangs' || !isProbed)
    result(id, {
      protocolVersion: '2025-06-18',
      capabilities: { tools: {} },
      serverInfo: { name: 'raw', version: '0' },
    })
}

const METHODS: Record<string, (id: unknown, name: string) => void> = {
  'server/discover': probe,
  initialize,
  'tools/list': (id) => result(id, { tools: [{ name: 'echo', inputSchema: { type: 'object' } }] }),
  'tools/call': (id, name) => CALLS[name]?.(id),
}

/** A server that is still starting reads nothing: until this file is there. */
const gate = process.env['STARTED_WITH']
const held: string[] = []

function take(line: string): void {
  const { id, method, params } = JSON.parse(line) as Message
  if (mayAnswer && id !== undefined) METHODS[method ?? '']?.(id, params?.name ?? '')
}

createInterface({ input: process.stdin }).on('line', (line) => {
  if (gate === undefined || existsSync(gate)) take(line)
  else held.push(line)
})
if (gate !== undefined)
  setInterval(() => {
    if (existsSync(gate)) held.splice(0).forEach(take)
  }, 20)
if (mode === 'never-reads') {
  // Opens properly and then stops reading for good.
  setTimeout(() => process.stdin.pause(), 300)
  setInterval(() => undefined, 1000)
}
