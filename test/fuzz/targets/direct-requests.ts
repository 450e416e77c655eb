import { isDeepStrictEqual } from 'node:util'
import { isJSONRPCRequest, isSpecType } from '@modelcontextprotocol/server'
import { METHODS, methodTable } from '../../../src/calls/methods.ts'
import { isJsonObject, jsonIn } from '../../../src/domain/json/json.ts'
import { GatewayError } from '../../../src/domain/errors/errors.ts'
import { modernListRequest, modernRequest } from '../../../src/mcp/direct/modern-request.ts'
import { sessionRequest } from '../../../src/mcp/direct/session-request.ts'
import { messageIn } from '../../../src/mcp/message.ts'
import { broken, type Target } from '../target.ts'

const methods = methodTable(Object.values(METHODS))
const META =
  '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}'

/** What the direct path takes of the messages of clients. */
export const directRequests: Target = {
  name: 'direct-requests',
  guarantee: 'the direct path takes only requests that the SDK takes, and reads of them what the SDK reads',
  code: [
    'mcp/direct/modern-request.ts',
    'mcp/direct/session-request.ts',
    'mcp/message.ts',
    'calls/target-names.ts',
  ],
  seeds: [
    `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a_b","arguments":{"x":1},${META}}}`,
    `{"jsonrpc":"2.0","id":"x","method":"resources/read","params":{"uri":"a:b",${META}}}`,
    `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"c",${META}}}`,
    '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a_b","arguments":{},"_meta":{"progressToken":1}}}',
    '{"jsonrpc":"2.0","id":1,"method":"prompts/get","params":{"name":"a_b","arguments":{"x":"y"}}}',
  ],
  words: [
    '"id":',
    '"name":',
    'null',
    '{}',
    '[]',
    '"tools/call"',
    '"prompts/get"',
    '"completion/complete"',
    '"tasks/get"',
    '"_meta":',
    META,
    '"task":{}',
    '"arguments":',
    '"inputResponses":',
    '1e400',
    '1.5',
    '"__proto__":',
    ',',
    '"method":"x"',
    '9007199254740993',
    '"icons":[]',
  ],
  check(input) {
    const body = jsonIn(input.toString())
    const named = isJsonObject(body) && isJsonObject(body['params']) ? body['params'] : {}
    const target = named['name'] ?? named['uri']
    const headers = {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': isJsonObject(body) && typeof body['method'] === 'string' ? body['method'] : '',
      ...(typeof target === 'string' && { 'mcp-name': target }),
      'content-length': String(input.length),
    }
    const { 'mcp-name': _name, ...ofList } = headers
    const before = JSON.stringify(body)
    checkTaken(body, modernRequest(body, headers, { methods, scope: undefined }))
    checkTaken(body, modernListRequest(body, ofList, { methods }))
    checkTaken(body, sessionRequest(body, { methods, scope: undefined }))
    if (JSON.stringify(body) !== before) broken('reading a message changed it')
  },
}

interface Taken {
  readonly id: string | number
  readonly method: { readonly name: string }
  readonly params: Record<string, unknown>
}

function checkTaken(body: unknown, taken: Taken | undefined): void {
  if (taken === undefined) return
  const message = general(body)
  if (message === undefined) broken('a message was taken that the general path refuses')
  if (!isJSONRPCRequest(message)) broken('no request was taken as one')
  const { id, method, params = {} } = message
  if (taken.id !== id || taken.method.name !== method) broken('another request was read')
  const { _meta: _left, ...own } = taken.params
  const { _meta: _right, ...given } = params as Record<string, unknown>
  if (!isDeepStrictEqual(own, given)) broken('other parameters were read')
  const type = SPEC_TYPES[method]
  if (type !== undefined && !isSpecType[type](body))
    broken(`a ${method} was taken that the specification has not`)
}

const SPEC_TYPES: Readonly<Record<string, 'CallToolRequest' | 'ReadResourceRequest' | 'GetPromptRequest'>> = {
  'tools/call': 'CallToolRequest',
  'resources/read': 'ReadResourceRequest',
  'prompts/get': 'GetPromptRequest',
}

function general(body: unknown): ReturnType<typeof messageIn> | undefined {
  try {
    return messageIn(body)
  } catch (thrown) {
    if (thrown instanceof GatewayError && thrown.code === 'invalid_request') return undefined
    throw thrown
  }
}
