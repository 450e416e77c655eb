import * as fc from 'fast-check'
import { MODERN } from '../raw-mcp.ts'
import {
  ALL,
  args,
  face,
  id,
  meta,
  method,
  moreHeaders,
  moreMembers,
  moreParams,
  often,
  P,
  place,
  RARE,
  spoil,
} from './call-parts.ts'
import { RAW_RESULTS } from './scripted-results.ts'
import { type SentCall, TOKENS } from './sides.ts'

type Fields = Record<string, unknown>

const PLAIN_META = {
  [`${P}protocolVersion`]: MODERN,
  [`${P}clientInfo`]: { name: 'raw', version: '1' },
  [`${P}clientCapabilities`]: {},
}

/** Any call of any client: mostly what clients send, and now and then something of it is odd. */
export const anyCall: fc.Arbitrary<SentCall> = fc
  .record({
    face,
    method,
    place,
    args,
    meta,
    id,
    moreParams,
    moreMembers,
    moreHeaders,
    spoil,
    token: often<SentCall['token']>('usual', fc.constantFrom(...TOKENS)),
    rare: fc.oneof(
      { weight: 150, arbitrary: fc.constant('') },
      { weight: 1, arbitrary: fc.constantFrom(...RARE) },
    ),
  })
  .map(callOf)

interface Parts {
  readonly face: string
  readonly method: string
  readonly place: { readonly server: string; readonly isScoped: boolean; readonly name: string }
  readonly args: Fields
  readonly meta: Fields
  readonly id: unknown
  readonly moreParams: Fields
  readonly moreMembers: Fields
  readonly moreHeaders: Readonly<Record<string, string | undefined>>
  readonly spoil: (body: Buffer) => Buffer
  readonly token: SentCall['token']
  readonly rare: string
}

function callOf(parts: Parts): SentCall {
  // A call that is held must reach its server in both gateways.
  const isHeld = parts.rare === 'hold'
  const given: Parts = isHeld
    ? {
        ...parts,
        moreParams: {},
        moreMembers: {},
        moreHeaders: {},
        spoil: (body) => body,
        token: 'usual',
        args: {},
        id: 1,
      }
    : parts
  const server = isHeld ? 'new' : given.place.server
  const name = server === 'pipe' ? 'echo' : given.rare === '' ? given.place.name : given.rare
  const at = { ...given.place, server, name }
  const call = given.face === 'rest' ? restCall(given, at) : mcpCall(given, at)
  return { ...call, leaves: isHeld, token: given.token }
}

type Call = Omit<SentCall, 'leaves' | 'token'>

function restCall(
  { args: given, moreMembers: members, moreHeaders: headers, spoil: spoilt }: Parts,
  at: Parts['place'],
): Call {
  return {
    path: `/v1/tools/${at.server}_${at.name}`,
    headers: { 'content-type': 'application/json', ...headers },
    body: spoilt(Buffer.from(JSON.stringify({ arguments: given, ...members }))),
    inSession: false,
  }
}

function mcpCall(given: Parts, { server, isScoped, name }: Parts['place']): Call {
  const isModern = given.face === 'modern'
  const exposed = isScoped ? name : `${server}_${name}`
  const params: Fields = {
    ...(given.method === 'resources/read'
      ? { uri: `raw://${name}`, 'x-answer': given.args }
      : { name: exposed, arguments: given.args }),
    ...(isModern && given.rare === 'hold' ? { _meta: PLAIN_META } : isModern && { _meta: given.meta }),
    ...given.moreParams,
  }
  const named: unknown = params['name'] ?? params['uri']
  const message = { jsonrpc: '2.0', id: given.id, method: given.method, params, ...given.moreMembers }
  return {
    path: isScoped ? `/mcp/${server}` : '/mcp',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...(isModern && {
        'mcp-protocol-version': MODERN,
        'mcp-method': given.method,
        'mcp-name': String(named),
      }),
      ...given.moreHeaders,
    },
    body: given.spoil(Buffer.from(JSON.stringify(message))),
    inSession: !isModern,
  }
}

/** A call of the given kind with nothing odd about it. */
export function plainCall(
  called: 'modern' | 'legacy' | 'rest',
  server: string,
  name: string,
  given: Fields = {},
  how: Partial<Pick<Parts, 'method' | 'rare'>> = {},
): SentCall {
  return callOf({
    face: called,
    method: 'tools/call',
    place: { server, isScoped: false, name },
    args: given,
    meta: PLAIN_META,
    id: 1,
    moreParams: {},
    moreMembers: {},
    moreHeaders: {},
    spoil: (body) => body,
    token: 'usual',
    rare: '',
    ...how,
  })
}

/** Every answer that a server can give, and every odd result, small and large, to plain calls. */
export const everyAnswer: readonly SentCall[] = (['modern', 'rest'] as const).flatMap((called) => [
  ...ALL.flatMap((name) =>
    ['old', 'new'].map((server) =>
      plainCall(called, server, name, {}, { rare: name === 'hold' ? name : '' }),
    ),
  ),
  ...RAW_RESULTS.flatMap((_text, raw) =>
    [0, 40_000].map((size) => plainCall(called, raw % 2 === 0 ? 'old' : 'new', 'plain', { raw, pad: size })),
  ),
])

/** Every answer that a server can give, to plain calls in a session. */
export const conversationCalls: readonly SentCall[] = ALL.filter((name) => name !== 'hold').flatMap((name) =>
  ['old', 'new'].map((server) => plainCall('legacy', server, name)),
)

/** What requests for lists have beside the envelope: parameters, and metadata. */
const LISTED: readonly (readonly [Fields, Fields?])[] = [
  [{}],
  [{ cursor: 'none' }],
  [{ cursor: 7 }],
  [{ cursor: null }],
  [{ limit: 1 }],
  [{}, { progressToken: 1 }],
]

/** Lists, whole, from a cursor, and with what no list takes. */
export const listCalls: readonly SentCall[] = [
  'tools/list',
  'prompts/list',
  'resources/list',
  'resources/templates/list',
  'tasks/list',
  'skills/list',
].flatMap((list) =>
  ['/mcp', '/mcp/old', '/mcp/new', '/mcp/none'].flatMap((path) =>
    LISTED.map(([more, moreMeta]): SentCall => {
      const params = { ...more, _meta: { ...PLAIN_META, ...moreMeta } }
      return {
        path,
        headers: {
          'content-type': 'application/json',
          accept: 'application/json, text/event-stream',
          'mcp-protocol-version': MODERN,
          'mcp-method': list,
        },
        body: Buffer.from(JSON.stringify({ jsonrpc: '2.0', id: list, method: list, params })),
        inSession: false,
        leaves: false,
        token: 'usual',
      }
    }),
  ),
)
