import { afterEach, describe, expect, test } from '@jest/globals'
import type { ServerDefinition } from '../../../src/domain/documents/server-definition.ts'
import { definitionOf } from '../../support/server-definitions.ts'
import { callTool, Connecting } from './connecting.ts'

const connecting = new Connecting()
afterEach(() => connecting.closeAll())

function script(text: string, fields: Record<string, unknown> = {}): ServerDefinition {
  return definitionOf({ transport: 'stdio', command: process.execPath, args: ['-e', text], ...fields })
}

/** A server that answers `initialize` with this, and each other request with an error. */
function answering(answer: string): ServerDefinition {
  return script(`require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line)
    if (method === 'initialize') console.log(JSON.stringify({ jsonrpc: '2.0', id, ...${answer} }))
    else if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, error: { code: -32601, message: 'no' } }))
  })`)
}

const reason = (server: ServerDefinition, timeoutMs = 20_000): Promise<string> =>
  connecting.open(server, { timeoutMs }).then(
    () => 'opened',
    (error: Error) => error.message,
  )

const INFO = `serverInfo: { name: 'x', version: '1' }`
const VERSION = `protocolVersion: '2025-06-18'`

describe('what an operator reads of a server that gives an odd answer to `initialize`', () => {
  test.each([
    ['null', `{ result: null }`, 'initialize: result: expected an object'],
    ['a list', `{ result: [] }`, 'initialize: result: expected an object'],
    ['text', `{ result: 'secret' }`, 'initialize: result: expected an object'],
    ['nothing', `{}`, 'initialize: result: expected an object'],
    [
      'both',
      `{ result: {}, error: { code: 1, message: 'x' } }`,
      'initialize: expected a result or an error, and got both',
    ],
    ['an odd error', `{ error: 'secret' }`, 'initialize: error: expected an object with code and message'],
    [
      'no version',
      `{ result: { capabilities: {}, ${INFO} } }`,
      'initialize: protocolVersion: expected string',
    ],
    ['no capabilities', `{ result: { ${VERSION}, ${INFO} } }`, 'initialize: capabilities: expected object'],
    [
      'a list of capabilities',
      `{ result: { ${VERSION}, capabilities: [], ${INFO} } }`,
      'initialize: capabilities: expected object',
    ],
    [
      'tools: true',
      `{ result: { ${VERSION}, capabilities: { tools: true }, ${INFO} } }`,
      'initialize: capabilities.tools: expected object',
    ],
    [
      'no serverInfo',
      `{ result: { ${VERSION}, capabilities: {} } }`,
      'initialize: serverInfo: expected object',
    ],
    [
      'half of it',
      `{ result: { ${VERSION}, capabilities: {}, serverInfo: { name: 'secret' } } }`,
      'initialize: serverInfo.version: expected string',
    ],
    [
      'an unknown version',
      `{ result: { protocolVersion: 'secret', capabilities: {}, ${INFO} } }`,
      'initialize: protocolVersion: expected one of 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05, 2024-10-07',
    ],
    [
      'an error',
      `{ error: { code: -32000, message: 'log in first' } }`,
      'it refused to initialize with error -32000: log in first',
    ],
  ])('%s', async (_what, answer, expected) => {
    expect(await reason(answering(answer))).toBe(expected)
  })

  test('odd metadata', async () => {
    const result = `{ ${VERSION}, capabilities: {}, ${INFO}, _meta: 'secret' }`
    expect(await reason(answering(`{ result: ${result} }`))).toBe('initialize: _meta: expected an object')
  })

  test('null metadata is none', async () => {
    const result = `{ ${VERSION}, capabilities: {}, ${INFO}, _meta: null }`
    expect(await reason(answering(`{ result: ${result} }`))).toBe('opened')
  })

  test('a null error beside a result is no error', async () => {
    const result = `{ ${VERSION}, capabilities: {}, ${INFO} }`
    expect(await reason(answering(`{ error: null, result: ${result} }`))).toBe('opened')
  })
})

describe('what an operator reads of a program that does not start', () => {
  test('that it printed nothing, and what to try', async () => {
    expect(await reason(script('setInterval(() => {}, 1000)'), 700)).toBe(
      'it did not open within 700 ms; it has not printed anything: it may need more time (lifecycle.startTimeoutMs) or be waiting for something; try its command in a terminal',
    )
  })

  test('that text on standard output is not what belongs there', async () => {
    const server = script(`console.log('Listening on port 3000'); setInterval(() => {}, 1000)`)
    expect(await reason(server, 1500)).toBe(
      'it did not open within 1500 ms; it wrote text to standard output, which is reserved for MCP messages: Listening on port 3000',
    )
  })

  test('how it ended, and the line that says why', async () => {
    expect(await reason(script(`throw new TypeError('no token')`))).toBe(
      'the process exited with code 1; it said: TypeError: no token',
    )
  })

  test('that arguments do not belong into the command, of which only the program is shown', async () => {
    const server = definitionOf({ transport: 'stdio', command: 'npx -y some-server --key=secret' })
    expect(await reason(server)).toBe(
      'the command npx … was not found; `command` is the name or path of a program alone, without a shell: put the arguments into `args`',
    )
  })
})

test('a result that is no JSON fails its call at once', async () => {
  const server =
    script(`require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line)
    const opened = { ${VERSION}, capabilities: {}, ${INFO} }
    if (method === 'initialize') console.log(JSON.stringify({ jsonrpc: '2.0', id, result: opened }))
    else if (id !== undefined) console.log('{"jsonrpc":"2.0","id":' + JSON.stringify(id) + ',"result":{"x":NaN}}')
  })`)
  const { connection } = await connecting.open(server)
  await expect(callTool(connection, 'x', {}, 20_000)).rejects.toMatchObject({
    code: 'upstream_bad_response',
    message: 'Server sample returned an invalid response',
  })
})
