import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { viaOf } from '../../src/domain/via.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { errorOf, mcpRequest, restRequest, send, type Sent, withHeaders, without } from './requests.ts'

const MAX_BODY_BYTES = 2048

let app: TestApp
/** The same, before the registry has been read. */
let unread: TestApp
let token: string
let via: string

beforeAll(async () => {
  const env = { MAX_BODY_BYTES: String(MAX_BODY_BYTES) }
  app = await openTestApp({}, { env })
  unread = await openTestApp(undefined, { env })
  token = await app.token()
  via = viaOf(Buffer.from((await readFile(join(app.dataDir, 'state.key'), 'utf8')).trim(), 'hex'))
})

afterAll(async () => {
  await app.close()
  await unread.close()
})

describe('the order of the checks', () => {
  type Fault = readonly [
    what: string,
    spoil: (sent: Sent) => Sent,
    answer: readonly [status: number, code: string, message: unknown],
  ]
  const common: readonly Fault[] = [
    [
      'too many headers',
      (sent) => withHeaders(sent, Object.fromEntries(Array.from({ length: 120 }, (_, n) => [`x-${n}`, 'v']))),
      [
        431,
        'too_many_headers',
        expect.stringMatching(/^The request has 1\d\d header fields; at most 100 are read$/),
      ],
    ],
    [
      'its own entry in via',
      (sent) => withHeaders(sent, { via }),
      [508, 'loop_detected', 'The request came from this gateway: the address of a server loops back to it'],
    ],
    [
      'a foreign host',
      (sent) => withHeaders(sent, { host: 'evil.example' }),
      [
        403,
        'host_not_allowed',
        'The Host header "evil.example" is not allowed; ALLOWED_HOSTS lists the hosts that this gateway serves',
      ],
    ],
    [
      'a foreign origin',
      (sent) => withHeaders(sent, { origin: 'https://evil.example' }),
      [
        403,
        'host_not_allowed',
        'The Origin header "https://evil.example" is not allowed; ALLOWED_ORIGINS lists the origins that this gateway accepts',
      ],
    ],
    [
      'no token',
      (sent) => without(sent, 'authorization'),
      [401, 'missing_token', 'The request has no Authorization header; send "Authorization: Bearer <token>"'],
    ],
    [
      'a body that is not JSON',
      (sent) => withHeaders(sent, { 'content-type': 'text/plain' }),
      [415, 'unsupported_media_type', 'Content-Type is "text/plain"; expected application/json'],
    ],
    [
      'a body that is too large',
      (sent) => ({ ...sent, body: 'x'.repeat(MAX_BODY_BYTES + 1) }),
      [413, 'payload_too_large', 'The body has 2049 bytes; MAX_BODY_BYTES is 2048'],
    ],
    [
      'a body that cannot be parsed',
      (sent) => ({ ...sent, body: '{' }),
      [400, 'invalid_request', 'The body is not valid JSON'],
    ],
  ]
  const ofRest: readonly Fault[] = [
    ...common,
    [
      'an unknown query parameter',
      (sent) => ({ ...sent, path: `${sent.path}?x=1` }),
      [400, 'invalid_request', 'x: unknown query parameter; /v1/nothing has none'],
    ],
    [
      'an unknown path',
      (sent) => ({ ...sent, path: '/v1/nothing' }),
      [404, 'not_found', 'No route matches POST /v1/nothing'],
    ],
  ]
  const ofMcp: readonly Fault[] = [
    ...common,
    [
      'an unknown server',
      (sent) => ({ ...sent, path: '/mcp/nothing' }),
      [404, 'server_not_found', 'Unknown server: nothing'],
    ],
  ]
  /** The request with the fault of that index and all later ones. */
  const spoilt = (sent: Sent, faults: readonly Fault[], from: number): Sent =>
    faults.slice(from).reduceRight((spoiling, [, spoil]) => spoil(spoiling), sent)

  test.each(ofRest.map(([what, , answer], index) => [what, index, answer] as const))(
    'over REST, %s is answered before everything that is checked later',
    async (_what, index, answer) => {
      expect(errorOf(await send(app, spoilt(restRequest(token), ofRest, index)))).toEqual(answer)
    },
  )

  test.each(ofMcp.map(([what, , answer], index) => [what, index, answer] as const))(
    'over MCP, %s is answered before everything that is checked later',
    async (_what, index, answer) => {
      expect(errorOf(await send(app, spoilt(mcpRequest(token), ofMcp, index)))).toEqual(answer)
    },
  )

  test('until the registry has been read, callers with a token are told to wait, before the body is read', async () => {
    const ofUnread = await unread.token()
    for (const sound of [restRequest(ofUnread), mcpRequest(ofUnread)]) {
      const answer = await send(unread, withHeaders(sound, { 'content-type': 'text/plain' }))
      expect(errorOf(answer).slice(0, 2)).toEqual([503, 'not_ready'])
      expect(answer.headers['retry-after']).toBe('1')
      expect(errorOf(await send(unread, without(sound, 'authorization')))[1]).toBe('missing_token')
    }
  })
})

test('before the registry has been read, it lives and is not ready', async () => {
  const ask = async (path: string): Promise<unknown> => {
    const { status, text } = await send(unread, { method: 'get', path, headers: {} })
    return [status, JSON.parse(text)]
  }
  expect(await ask('/healthz')).toEqual([200, { status: 'ok' }])
  expect(await ask('/readyz')).toEqual([503, { status: 'not ready', missing: ['registry'] }])
})
