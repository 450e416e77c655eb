import { type Family, type Row, table } from '../row.ts'
import type { Reply } from '../world/send.ts'
import type { TokenSpec } from '../world/tokens.ts'
import type { World } from '../world/world.ts'

/** The same token over REST and over MCP: a call each. */
async function sendBoth(
  authorization: string | readonly string[] | undefined,
  world: World,
  id: string,
): Promise<Reply[]> {
  return [
    await world.call('echo_say', {}, id, { authorization }),
    await world.modern('tools/call', { name: 'echo_say', arguments: {} }, id, { authorization }),
  ]
}

const sendSpec = async (input: TokenSpec, world: World, id: string): Promise<Reply[]> =>
  sendBoth(`Bearer ${await world.make(input)}`, world, id)

/** The refusal over either transport. */
const refused = (text: string): readonly string[] => [
  `401 invalid_token: ${text}`,
  `401 -31010 invalid_token: ${text}`,
]
const ACCEPTED = [
  '200 {"content":[{"type":"text","text":"{}"}],"isError":false}',
  '200 #1 {"content":[{"type":"text","text":"{}"}]}',
]
const TWO = { calls: 2 }
const DENIED = [
  '404 tool_not_found: Unknown tool: hidden_say',
  '200 -32602 tool_not_found: Unknown tool: hidden_say',
]

const KEY = refused('The token is signed with a key that its issuer does not publish.')
const SIGNATURE = refused('The signature of the token is wrong.')
const ALGORITHM = refused('The signature algorithm of the token is not accepted.')
const UNSUPPORTED = refused('The token uses a signature algorithm or extension that is not supported.')
const AMBIGUOUS = refused(
  'The token does not name its key (kid), and its issuer publishes several that it could be.',
)
const AUDIENCE = refused('The audience of the token is not this gateway.')
const ISSUER = refused('The issuer of the token is unknown.')
const TENANT = refused('The token names no valid tenant.')
const SUBJECT = refused('The token names no valid subject.')
const MALFORMED = refused('The token is not a well-formed JWT.')
const ENDED = refused('The token has expired.')
const NO_END = refused('The token has no valid expiration time.')
const TOO_LONG = refused('The lifetime of the token is longer than 24 h, which is the longest accepted.')
const KIND = refused('The token is not an access token.')
const ownKey = (name: string): readonly string[] =>
  refused(`The token has the header ${name}, which is not accepted.`)

const evil = 'http://127.0.0.1:9/keys'
const jwk = { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA' }

const HEADERS = table(sendSpec, {
  'nothing odd': [{}, ACCEPTED, TWO],
  'the algorithm none': [{ header: { alg: 'none' }, sign: 'none' }, ALGORITHM],
  'the algorithm None': [{ header: { alg: 'None' }, sign: 'none' }, ALGORITHM],
  'the algorithm nOnE with a signature': [{ header: { alg: 'nOnE' } }, ALGORITHM],
  'the algorithm as a list': [{ header: { alg: ['ES256'] } }, MALFORMED],
  'an empty algorithm': [{ header: { alg: '' } }, MALFORMED],
  'no algorithm': [{ header: { alg: undefined } }, MALFORMED],
  'HS256 with the public key as the secret': [
    { header: { alg: 'HS256' }, key: 'acme-RS256-2', sign: 'hmac with the public key' },
    ALGORITHM,
  ],
  'HS256 called RS256': [{ key: 'acme-RS256-2', sign: 'hmac with the public key' }, SIGNATURE],
  'RS256 with the id of an elliptic key': [{ header: { alg: 'RS256' } }, KEY],
  'ES256 with the id of an RSA key': [{ key: 'acme-RS256-2', header: { alg: 'ES256' } }, KEY],
  'PS256, of a published key, not accepted': [{ key: 'acme-PS256-3' }, ALGORITHM],
  'ES384, of a published key, not accepted': [{ key: 'acme-ES384-4' }, ALGORITHM],
  'a signature of zeros': [{ sign: 'zeros' }, SIGNATURE],
  'no signature': [{ sign: 'none' }, SIGNATURE],
  'a signature in another encoding': [{ sign: 'DER' }, SIGNATURE],
  'no key id where several keys fit': [{ header: { kid: undefined } }, AMBIGUOUS],
  'no key id where one key fits': [{ of: 'single', header: { kid: undefined } }, ACCEPTED, TWO],
  'an empty key id': [{ header: { kid: '' } }, KEY],
  'an unknown key id': [{ header: { kid: 'unknown' } }, KEY],
  'a path as key id': [{ header: { kid: '../../dev/null' } }, KEY],
  'SQL as key id': [{ header: { kid: "' or 1=1--" } }, KEY],
  'a key id with NUL': [{ header: { kid: 'acme-ES256-0\0' } }, KEY],
  'a key id of 4 KB': [{ header: { kid: 'k'.repeat(4096) } }, KEY],
  'a key id that is a member of objects': [{ header: { kid: '__proto__' } }, KEY],
  'a number as key id': [{ header: { kid: 0 } }, KEY],
  'the key id of another key': [{ header: { kid: 'acme-ES256-1' } }, SIGNATURE],
  'the key id of another issuer': [{ header: { kid: 'globex-ES256-0' } }, KEY],
  'an address of keys (jku)': [{ header: { jku: evil } }, ownKey('jku')],
  'an address of a certificate (x5u)': [{ header: { x5u: evil } }, ownKey('x5u')],
  'a key (jwk)': [{ header: { jwk } }, ownKey('jwk')],
  'a certificate (x5c)': [{ header: { x5c: ['MIIB'] } }, ownKey('x5c')],
  'an empty jku': [{ header: { jku: '' } }, ownKey('jku')],
  'null as jwk': [{ header: { jwk: null } }, ownKey('jwk')],
  'an unknown critical extension': [{ header: { crit: ['exp'], exp: 1 } }, UNSUPPORTED],
  'an empty list of critical extensions': [{ header: { crit: [] } }, MALFORMED],
  'a payload that is not encoded (b64)': [{ header: { b64: false, crit: ['b64'] } }, MALFORMED],
  'b64 that is not critical': [{ header: { b64: false } }, ACCEPTED, TWO],
  'compressed (zip)': [{ header: { zip: 'DEF' } }, ACCEPTED, TWO],
  'the type of a logout token': [{ header: { typ: 'logout+jwt' } }, KIND],
  'the type of a DPoP proof': [{ header: { typ: 'dpop+jwt' } }, KIND],
  'the type of an identity token of CIBA': [{ header: { typ: 'id_token+jwt' } }, KIND],
  'an empty type': [{ header: { typ: '' } }, KIND],
})

const CLAIMS = table(sendSpec, {
  'ended 60 s ago': [{ times: { exp: -60, iat: -600 } }, ENDED],
  'ended at the beginning of time': [{ claims: { exp: 0 } }, ENDED],
  'a negative end': [{ claims: { exp: -1 } }, ENDED],
  'no end': [{ claims: { exp: undefined } }, NO_END],
  'a text as end': [{ claims: { exp: '9999999999' } }, NO_END],
  'null as end': [{ claims: { exp: null } }, NO_END],
  'true as end': [{ claims: { exp: true } }, NO_END],
  'a list as end': [{ claims: { exp: [9_999_999_999] } }, NO_END],
  'an end in milliseconds': [{ claims: { exp: Date.now() + 600_000 } }, TOO_LONG],
  'a lifetime of 25 hours': [{ times: { exp: 90_000 } }, TOO_LONG],
  'a lifetime of 25 hours that is almost over': [{ times: { iat: -89_940, exp: 60 } }, TOO_LONG],
  'a lifetime of 25 hours without its beginning': [
    { claims: { iat: undefined }, times: { exp: 90_000 } },
    TOO_LONG,
  ],
  'a lifetime of a day': [{ times: { exp: 86_400 } }, ACCEPTED, TWO],
  'valid in a minute only': [{ times: { nbf: 60 } }, refused('The token is not valid yet.')],
  'a text as beginning': [{ claims: { nbf: 'now' } }, refused('The token is not valid yet.')],
  'issued in an hour': [{ times: { iat: 3600, exp: 4000 } }, refused('The token was issued in the future.')],
  'a text as time of issue': [{ claims: { iat: 'now' } }, refused('The token has no valid time of issue.')],
  'no audience': [{ claims: { aud: undefined } }, AUDIENCE],
  'an empty list as audience': [{ claims: { aud: [] } }, AUDIENCE],
  'an object as audience': [{ claims: { aud: { gateway: true } } }, AUDIENCE],
  'an audience with a slash': [{ claims: { aud: 'gateway/' } }, AUDIENCE],
  'an audience in capitals': [{ claims: { aud: 'GATEWAY' } }, AUDIENCE],
  'an audience that begins alike': [{ claims: { aud: 'gateway.evil.example' } }, AUDIENCE],
  'the audience * ': [{ claims: { aud: '*' } }, AUDIENCE],
  'an audience in a list in a list': [{ claims: { aud: [['gateway']] } }, AUDIENCE],
  'another service as audience': [{ claims: { aud: 'billing' } }, AUDIENCE],
  'this gateway and another as audience': [{ claims: { aud: ['billing', 'gateway'] } }, ACCEPTED, TWO],
  'no issuer': [{ claims: { iss: undefined } }, ISSUER],
  'an unknown issuer': [{ claims: { iss: 'https://evil.example' } }, ISSUER],
  'a list as issuer': [{ claims: { iss: ['https://evil.example'] } }, ISSUER],
  'a member of objects as issuer': [{ claims: { iss: '__proto__' } }, ISSUER],
  'no tenant of several': [{ claims: { tenant_id: undefined } }, TENANT],
  'a list as tenant': [{ claims: { tenant_id: ['acme'] } }, TENANT],
  'an object as tenant': [{ claims: { tenant_id: { acme: true } } }, TENANT],
  'the tenant in capitals': [{ claims: { tenant_id: 'ACME' } }, TENANT],
  'a path as tenant': [{ claims: { tenant_id: '../globex' } }, TENANT],
  'all tenants': [{ claims: { tenant_id: '*' } }, TENANT],
  'an empty tenant': [{ claims: { tenant_id: '' } }, TENANT],
  'a tenant with a newline': [{ claims: { tenant_id: 'acme\n' } }, TENANT],
  'a member of objects as tenant': [{ claims: { tenant_id: '__proto__' } }, TENANT],
  'a homoglyph of the tenant': [{ claims: { tenant_id: 'аcme' } }, TENANT],
  'a tenant of 5,000 characters': [{ claims: { tenant_id: 'a'.repeat(5000) } }, TENANT],
  'the tenant of another issuer': [
    { claims: { tenant_id: 'globex' } },
    refused('The issuer of the token may not name this tenant.'),
  ],
  'no subject': [{ claims: { sub: undefined } }, SUBJECT],
  'an empty subject': [{ claims: { sub: '' } }, SUBJECT],
  'a number as subject': [{ claims: { sub: 1 } }, SUBJECT],
  'a subject of 257 characters': [{ claims: { sub: 's'.repeat(257) } }, SUBJECT],
  'a list as payload': [{ payload: '[]' }, MALFORMED],
  'null as payload': [{ payload: 'null' }, MALFORMED],
  'a text as payload': [{ payload: '"text"' }, MALFORMED],
  'no JSON as payload': [{ payload: '{' }, MALFORMED],
  'an empty payload': [{ payload: '' }, MALFORMED],
  'a payload with a byte order mark': [{ payload: '\uFEFF{}' }, ISSUER],
})

/** Roles and agents that grant nothing. */
const RIGHTS = table(
  async (claims: Record<string, unknown>, world, id) => {
    const authorization = `Bearer ${await world.make({ claims })}`
    return [
      await world.call('hidden_say', {}, id, { authorization }),
      await world.modern('tools/call', { name: 'hidden_say', arguments: {} }, id, { authorization }),
    ]
  },
  Object.fromEntries(
    Object.entries<Record<string, unknown>>({
      'roles as a text': { roles: 'nobody' },
      'roles as an object': { roles: { nobody: true } },
      'roles in a list in a list': { roles: [['nobody']] },
      'a role that is an object': { roles: [{ name: 'nobody' }] },
      'a role with a space': { roles: ['nobody '] },
      'a role in capitals': { roles: ['Nobody'] },
      'a role with a newline': { roles: ['nobody\n'] },
      'the role * ': { roles: ['*'] },
      'a member of objects as role': { roles: ['__proto__', 'constructor'] },
      '257 roles': { roles: Array.from({ length: 257 }, () => 'nobody') },
      'an empty role among others': { roles: ['', 'nobody'] },
      'a role of 257 characters among others': { roles: ['r'.repeat(257), 'nobody'] },
      'the role as a scope': { scope: 'nobody' },
      'the role in another claim': { realm_access: { roles: ['nobody'] }, groups: ['nobody'] },
      'the claim with a dot': { 'roles.0': 'nobody' },
    }).map(([what, claims]) => [what, [claims, DENIED, { records: 2 }] as const]),
  ),
)

const NO_TOKEN = 'The request has no Authorization header; send "Authorization: Bearer <token>"'
const NO_BEARER = refused(
  'The Authorization header is not "Bearer <token>"; send "Authorization: Bearer <token>"',
)
const TWICE = [
  '400 invalid_request: The request has the header authorization twice',
  '400 -32600 invalid_request: The request has the header authorization twice',
]

/** The header itself: `{token}` stands for a good one. */
const AUTHORIZATION = table(
  async (input: readonly string[], world: World, id) => {
    const values = input.map((value) => value.replace('{token}', world.token))
    return sendBoth(values.length === 1 ? values[0] : values, world, id)
  },
  {
    'no header': [[], [`401 missing_token: ${NO_TOKEN}`, `401 -31010 missing_token: ${NO_TOKEN}`]],
    Basic: [
      ['Basic dTpw'],
      refused('The Authorization header has the scheme Basic; send "Authorization: Bearer <token>"'),
    ],
    DPoP: [
      ['DPoP {token}'],
      refused('The Authorization header has the scheme DPoP; send "Authorization: Bearer <token>"'),
    ],
    'no token after Bearer': [
      ['Bearer '],
      refused('The Authorization header has no token after "Bearer"; send "Authorization: Bearer <token>"'),
    ],
    'bearer in small letters': [['bearer {token}'], ACCEPTED, TWO],
    'a token without a scheme': [['{token}'], NO_BEARER],
    'two tokens': [['Bearer {token} {token}'], NO_BEARER],
    'two tokens with a comma': [['Bearer {token},{token}'], NO_BEARER],
    'a tab after Bearer': [['Bearer\t{token}'], NO_BEARER],
    'two headers, the first good': [['Bearer {token}', 'Bearer x'], TWICE],
    'two headers, the last good': [['Bearer x', 'Bearer {token}'], TWICE],
    'two headers, both good': [['Bearer {token}', 'Bearer {token}'], TWICE],
    'two parts': [['Bearer a.b'], MALFORMED],
    'four parts': [['Bearer {token}.x'], MALFORMED],
    'five parts, as if encrypted': [['Bearer a.b.c.d.e'], MALFORMED],
    'a character that base64url does not have': [['Bearer {token}='], MALFORMED],
    'a token of more than 8 KB': [[`Bearer ${'a'.repeat(8193)}`], refused('The token is longer than 8 KiB.')],
  },
)

/** Places where a token does not count. */
const ELSEWHERE: readonly Row[] = [
  {
    what: 'a token in the query',
    send: (world, id) =>
      world.post(`/v1/tools/echo_say?access_token=${world.token}`, '{}', {
        authorization: undefined,
        'x-request-id': id,
      }),
    answer: `401 missing_token: ${NO_TOKEN}`,
  },
  {
    what: 'a token in a cookie',
    send: (world, id) =>
      world.post('/v1/tools/echo_say', '{}', {
        authorization: undefined,
        cookie: `token=${world.token}; Authorization=Bearer ${world.token}`,
        'x-request-id': id,
      }),
    answer: `401 missing_token: ${NO_TOKEN}`,
  },
  {
    what: 'a token in the header of a proxy',
    send: (world, id) =>
      world.post('/v1/tools/echo_say', '{}', {
        authorization: undefined,
        'proxy-authorization': `Bearer ${world.token}`,
        'x-authorization': `Bearer ${world.token}`,
        'x-request-id': id,
      }),
    answer: `401 missing_token: ${NO_TOKEN}`,
  },
  {
    what: '200 unknown key ids do not make the gateway ask for keys 200 times',
    send: async (world) => {
      const { provider } = world.tokens.issuer('acme')
      const before = provider.requests.length
      for (let count = 0; count < 200; count += 1)
        await world.get('/v1/tools', {
          authorization: `Bearer ${await world.make({ header: { kid: `k${count}` } })}`,
        })
      const asked = provider.requests.length - before
      return { status: 0, headers: {}, text: '', ms: 0, said: asked > 3 ? `asked ${asked} times` : 'seldom' }
    },
    answer: 'seldom',
  },
]

/** Tokens and the header that carries them. */
export const tokens: Family = {
  name: 'tokens',
  rows: () => [...HEADERS, ...CLAIMS, ...RIGHTS, ...AUTHORIZATION, ...ELSEWHERE],
}
