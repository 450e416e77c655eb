import type { Expected } from '../row.ts'
import { call } from './call-text.ts'

const nested = (levels: number): string => '{"a":'.repeat(levels) + '1' + '}'.repeat(levels)
const listed = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)

const NOT_JSON = '400 -32700 invalid_request: The body is not valid JSON'
/** The answer to JSON that is no message. */
export const NO_MESSAGE = '400 -32600 invalid_request: The body is not a JSON-RPC message'
const BATCH = '400 -32600 invalid_request: Batches are not supported'
const UTF8 = '400 -32600 invalid_request: The body is not valid UTF-8'
const DEEP = '400 -32600 invalid_request: The body nests more than 128 levels deep'
const MEMBERS = '400 -32600 invalid_request: The body has a list or an object with more than 10000 members'
const ALL = '400 -32600 invalid_request: The body has more than 50000 members in all its lists and objects'
const NUMBER = '400 -32600 invalid_request: The body has a number of more than 1000 characters'

/** What no parser of messages gets to see; the same wherever it is sent. */
export const UNREADABLE: Readonly<Record<string, readonly [string | Buffer, string, Expected?]>> = {
  'an opening brace': ['{', NOT_JSON],
  'an empty body': ['', NO_MESSAGE],
  'a text': ['"text"', NOT_JSON],
  'a number': ['1', NOT_JSON],
  null: ['null', NOT_JSON],
  'two messages': [
    '{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}',
    NOT_JSON,
  ],
  'a trailing comma': ['{"jsonrpc":"2.0","id":1,"method":"ping",}', NOT_JSON],
  'a comment': ['{"jsonrpc":"2.0",/**/"id":1,"method":"ping"}', NOT_JSON],
  'single quotes': ["{'jsonrpc':'2.0','id':1,'method':'ping'}", NOT_JSON],
  NaN: ['{"jsonrpc":"2.0","id":NaN,"method":"ping"}', NOT_JSON],
  'a number in hexadecimal': ['{"jsonrpc":"2.0","id":0x1,"method":"ping"}', NOT_JSON],
  'NUL after the message': ['{"jsonrpc":"2.0","id":1,"method":"ping"}\0', NOT_JSON],
  'a raw control character in a text': ['{"jsonrpc":"2.0","id":"\n","method":"ping"}', NOT_JSON],
  'invalid UTF-8': [Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), UTF8],
  'half a character of UTF-8': [Buffer.from([0x7b, 0x22, 0xe2, 0x82, 0x22, 0x3a, 0x31, 0x7d]), UTF8],
  'an overlong character of UTF-8': [Buffer.from([0x7b, 0x22, 0xc0, 0xaf, 0x22, 0x3a, 0x31, 0x7d]), UTF8],
  'a surrogate in UTF-8': [Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d]), UTF8],
  'UTF-16': [Buffer.from('{"jsonrpc":"2.0","id":1,"method":"ping"}', 'utf16le'), NOT_JSON],
  'UTF-16 with its mark': [Buffer.from('\uFEFF{"jsonrpc":"2.0"}', 'utf16le'), UTF8],
  'two byte order marks': ['\uFEFF\uFEFF{"jsonrpc":"2.0","id":1,"method":"ping"}', NOT_JSON],
  '129 levels of lists': [listed(129), DEEP],
  '5,000 levels of objects': [nested(5000), DEEP],
  '100,000 levels in the parameters': [call(`"arguments":${nested(100_000)}`), DEEP],
  '2 million levels': [listed(2_000_000), DEEP, { withinMs: 2000 }],
  'levels that never close': ['['.repeat(100_000), DEEP],
  '10,001 elements': [call(`"arguments":{"a":[${'1,'.repeat(10_000)}1]}`), MEMBERS],
  '10,001 members': [
    call(`"arguments":{${Array.from({ length: 10_001 }, (_, n) => `"k${n}":1`).join(',')}}`),
    MEMBERS,
  ],
  '60,000 members in lists of 1,000': [
    call(`"arguments":{"a":[${Array.from({ length: 60 }, () => `[${'1,'.repeat(999)}1]`).join(',')}]}`),
    ALL,
  ],
  'a number of 4 million digits': [call(`"arguments":{"a":${'9'.repeat(4_000_000)}}`), NUMBER],
  'a number of 1,001 digits after the point': [call(`"arguments":{"a":0.${'1'.repeat(1000)}}`), NUMBER],
  'an empty batch': ['[]', BATCH],
  'a batch of one': ['[{"jsonrpc":"2.0","id":1,"method":"ping"}]', BATCH],
  'a batch with one id twice': [
    `[${'{"jsonrpc":"2.0","id":1,"method":"ping"},'.repeat(2).slice(0, -1)}]`,
    BATCH,
  ],
  'a batch of 5,000': [`[${'{"jsonrpc":"2.0","id":1,"method":"ping"},'.repeat(5000).slice(0, -1)}]`, BATCH],
  'a batch in a batch': ['[[{"jsonrpc":"2.0","id":1,"method":"ping"}]]', BATCH],
}
