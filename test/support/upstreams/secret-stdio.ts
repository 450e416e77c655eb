/**
 * A legacy stdio server that talks about its API_KEY wherever it can. Tools: `digest` of the key, `fail` with the key in
 * the error, `wait` until a file exists, `die` with the key on standard error.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'

const key = process.env['API_KEY'] ?? ''
process.stderr.write(`starting with ${key}\n`)

type Message = { id?: number; method?: string; params?: { name?: string; arguments?: { file?: string } } }

const send = (value: object): void => {
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...value })}\n`)
}
const text = (value: string): object => ({ content: [{ type: 'text', text: value }] })
const digest = (): string => createHash('sha256').update(key).digest('hex')

function waitFor(file: string, id: number): void {
  if (existsSync(file)) send({ id, result: text(digest()) })
  else setTimeout(() => waitFor(file, id), 10)
}

function call(id: number, name: string, file: string): void {
  if (name === 'wait') waitFor(file, id)
  else if (name === 'fail')
    send({ id, error: { code: -32_000, message: `no ${key}`, data: { used: [key] } } })
  else if (name === 'die') process.stderr.write(`${'x'.repeat(295)} ${key}\n`, () => process.exit(3))
  else send({ id, result: text(digest()) })
}

createInterface({ input: process.stdin }).on('line', (line) => {
  const { id, method, params } = JSON.parse(line) as Message
  if (id === undefined) return
  if (method === 'tools/call') call(id, params?.name ?? '', params?.arguments?.file ?? '')
  else if (method === 'tools/list') {
    const tools = ['digest', 'fail', 'wait', 'die'].map((name) => ({ name, inputSchema: { type: 'object' } }))
    send({ id, result: { tools } })
  } else if (method === 'initialize') {
    const serverInfo = { name: 'secret', version: '0' }
    send({ id, result: { protocolVersion: '2025-06-18', capabilities: { tools: {} }, serverInfo } })
  } else send({ id, error: { code: -32_601, message: `unknown to ${key}` } })
})
