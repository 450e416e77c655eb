import { MODERN } from '../../support/raw-mcp.ts'
import { type Family, table } from '../row.ts'
import type { Fields } from '../world/send.ts'
import { MCP, type World } from '../world/world.ts'
import { call, ENVELOPE } from './call-text.ts'

const META = '400 -32600 invalid_request: The _meta of the request has more than 8192 bytes'
const ONE = { calls: 1 }

/** Requests of 2026-07-28 whose headers or envelope are odd. */
const MODERN_ROWS = table(
  async ({ headers = {}, rest }: { headers?: Fields; rest: string }, world: World, id) =>
    world.post('/mcp', call(rest), {
      ...MCP,
      'mcp-protocol-version': MODERN,
      'mcp-method': 'tools/call',
      'mcp-name': 'echo_say',
      'x-request-id': id,
      ...headers,
    }),
  {
    'the name twice, the header the first': [
      { rest: `"name":"hidden_say",${ENVELOPE}` },
      '400 -32020: Bad Request: the request headers and body disagree: the body carries params.name="hidden_say" but the Mcp-Name header names "echo_say"',
    ],
    'no Mcp-Method': [
      { headers: { 'mcp-method': undefined }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body names method tools/call but the required Mcp-Method header is absent',
    ],
    'another Mcp-Method': [
      { headers: { 'mcp-method': 'tools/list' }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body names method tools/call but the Mcp-Method header names tools/list',
    ],
    'two Mcp-Method': [
      { headers: { 'mcp-method': ['tools/call', 'tools/list'] }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body names method tools/call but the Mcp-Method header names tools/call, tools/list',
    ],
    'an Mcp-Method that opens a stream': [
      { headers: { 'mcp-method': 'subscriptions/listen' }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body names method tools/call but the Mcp-Method header names subscriptions/listen',
    ],
    'no Mcp-Name': [
      { headers: { 'mcp-name': undefined }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body carries params.name="echo_say" but the required Mcp-Name header is absent',
    ],
    'another Mcp-Name': [
      { headers: { 'mcp-name': 'hidden_say' }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body carries params.name="echo_say" but the Mcp-Name header names "hidden_say"',
    ],
    'two Mcp-Name': [
      { headers: { 'mcp-name': ['echo_say', 'hidden_say'] }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body carries params.name="echo_say" but the Mcp-Name header names "echo_say, hidden_say"',
    ],
    'an Mcp-Name that is not encoded right': [
      { headers: { 'mcp-name': '=?base64?!!?=' }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the Mcp-Name header carries an invalid Base64 sentinel value',
    ],
    'an Mcp-Name encoded without need': [
      { headers: { 'mcp-name': `=?base64?${Buffer.from('echo_say').toString('base64')}?=` }, rest: ENVELOPE },
      '200 #1 {"content":[{"type":"text","text":"none"}]}',
      ONE,
    ],
    'another version in the header': [
      { headers: { 'mcp-protocol-version': '2027-01-01' }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body envelope names protocol version 2026-07-28 but the MCP-Protocol-Version header names 2027-01-01',
    ],
    'a version of sessions in the header': [
      { headers: { 'mcp-protocol-version': '2025-11-25' }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body envelope names protocol version 2026-07-28 but the MCP-Protocol-Version header names 2025-11-25',
    ],
    'no version in the header': [
      { headers: { 'mcp-protocol-version': undefined }, rest: ENVELOPE },
      '400 -32020: Bad Request: the request headers and body disagree: the body envelope names protocol version 2026-07-28 but the required MCP-Protocol-Version header is absent',
    ],
    'another version in the body': [
      { rest: ENVELOPE.replace(MODERN, '2027-01-01') },
      '400 -32020: Bad Request: the request headers and body disagree: the body envelope names protocol version 2027-01-01 but the MCP-Protocol-Version header names 2026-07-28',
    ],
    'no envelope': [
      { rest: '"arguments":{}' },
      '400 -32602: Invalid params: the MCP-Protocol-Version header names protocol revision 2026-07-28, but the request is missing the required per-request envelope key(s): _meta',
    ],
    'a client without a name': [
      { rest: ENVELOPE.replace('"name":"h",', '') },
      '400 -32602: Invalid _meta envelope for protocol revision 2026-07-28: io.modelcontextprotocol/clientInfo.name: Invalid input: expected string, received undefined',
    ],
    'capabilities as a list': [
      { rest: ENVELOPE.replace('Capabilities":{}', 'Capabilities":[]') },
      '400 -32602: Invalid _meta envelope for protocol revision 2026-07-28: io.modelcontextprotocol/clientCapabilities: Invalid input: expected object, received array',
    ],
    'a progress token of another type': [
      { rest: ENVELOPE.replace('{', '{"progressToken":{},') },
      '400 -32600 invalid_request: The body is not a JSON-RPC message',
    ],
    '_meta of more than 8 KB': [{ rest: ENVELOPE.replace('{', `{"x":"${'x'.repeat(8200)}",`) }, META],
    'a session id with it': [
      { headers: { 'mcp-session-id': 'x' }, rest: ENVELOPE },
      '200 #1 {"content":[{"type":"text","text":"none"}]}',
      ONE,
    ],
    'an answer to questions that were not asked': [
      { rest: `${ENVELOPE},"inputResponses":{"q":{}}` },
      '200 #1 {"content":[{"type":"text","text":"none"}]}',
      ONE,
    ],
    'a state that the gateway did not seal': [
      { rest: `${ENVELOPE},"requestState":"x","inputResponses":{}` },
      '200 -32602 invalid_request_state: The requestState is not valid',
      { records: 1 },
    ],
  },
)

/** Requests of the stateless revision. */
export const modern: Family = { name: 'MCP 2026-07-28', rows: () => MODERN_ROWS }
