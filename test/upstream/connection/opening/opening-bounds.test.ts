import { afterEach, expect, test } from '@jest/globals'
import type { ServerDefinition } from '../../../../src/domain/documents/server-definition.ts'
import { definitionOf } from '../../../support/server-definitions.ts'
import { Connecting } from '../connecting.ts'

const connecting = new Connecting()
afterEach(() => connecting.closeAll())

const INFO = 'io.modelcontextprotocol/serverInfo'

/** A server that answers the request that opens a connection of an era with the result of an expression. */
function opening(era: 'legacy' | 'modern', expression: string): ServerDefinition {
  const text = `require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
    const { id, method } = JSON.parse(line)
    const isOpening = method === '${era === 'modern' ? 'server/discover' : 'initialize'}'
    if (isOpening) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: ${expression} }))
    else if (id !== undefined) console.log(JSON.stringify({ jsonrpc: '2.0', id, result: {} }))
  })`
  return definitionOf({ transport: 'stdio', command: process.execPath, args: ['-e', text], era })
}

const connect = connecting.connector({ maxMessageBytes: 10_000_000 })
const LEGACY = `protocolVersion: '2025-11-25'`
const MODERN = `resultType: 'complete', supportedVersions: ['2026-07-28'], ttlMs: 0, cacheScope: 'private'`
const LONG = `name: 'n'.repeat(2000), version: '1', title: 't', icons: [{ src: 'data:' + 'x'.repeat(2_000_000) }]`
const CUT = { name: `${'n'.repeat(999)}…`, version: '1', title: 't' }

test.each([
  ['legacy', `{ ${LEGACY}, capabilities: { tools: {} }, serverInfo: { ${LONG} }`],
  ['modern', `{ ${MODERN}, capabilities: { tools: {} }, _meta: { '${INFO}': { ${LONG} } }`],
] as const)('a %s server with long texts is connected, and its texts are cut', async (era, result) => {
  const server = opening(era, `${result}, instructions: 'i'.repeat(2_000_000) }`)
  const { connection } = await connecting.open(server, { connect })
  expect(connection.instructions).toBe(`${'i'.repeat(65_535)}…`)
  expect(connection.serverInfo).toEqual(CUT)
  expect(connection.capabilities).toEqual({ tools: {} })
})

test.each([
  ['legacy', `{ ${LEGACY}, serverInfo: { name: 'n', version: '1' }`, 'initialize'],
  ['modern', `{ ${MODERN}`, 'server/discover'],
] as const)('a %s server with large capabilities is not connected', async (era, result, method) => {
  const server = opening(
    era,
    `${result}, capabilities: { tools: {}, experimental: { x: { big: 'x'.repeat(70_000) } } } }`,
  )
  await expect(connecting.open(server, { connect })).rejects.toMatchObject({
    code: 'upstream_unavailable',
    message: `${method}: capabilities: expected at most 64 KiB, with all other members`,
  })
})

test('what a server says of itself within the bounds stays as it is', async () => {
  const info = `{ name: 'n', version: '1', description: 'x'.repeat(60_000) }`
  const server = opening(
    'legacy',
    `{ ${LEGACY}, capabilities: {}, serverInfo: ${info}, instructions: 'Ask.' }`,
  )
  const { connection } = await connecting.open(server, { connect })
  expect(connection.serverInfo).toEqual({ name: 'n', version: '1', description: 'x'.repeat(60_000) })
  expect(connection.instructions).toBe('Ask.')
})
