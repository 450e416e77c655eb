import { afterEach, expect, test } from '@jest/globals'
import { isHttp } from '../../src/domain/documents/server-definition.ts'
import { ownToken } from '../../src/credentials/machine/machine-grants.ts'
import { tokenRefused } from '../../src/credentials/machine/token-refused.ts'
import { refresh, withoutToken } from '../../src/credentials/authorization/grants.ts'
import { definitionOf } from '../support/server-definitions.ts'
import { type HttpUpstream, listen } from '../support/upstreams/sample-http.ts'

const NO_TOKEN = 'answers with something that is not a token response'
const JSON_TYPE = 'application/json'

let issuer: HttpUpstream | undefined
afterEach(() => issuer?.close())

/** An authorization server that answers every request with this. */
async function answering(status: number, body: string, type: string) {
  issuer = await listen((_request, response) =>
    response.writeHead(status, { 'content-type': type }).end(body),
  )
  const { url } = issuer
  return {
    as: { issuer: url, token_endpoint: url },
    resource: undefined,
    fetch: (to: string | URL, init?: object) => fetch(to, init),
  }
}

/** The error of a request for a token of the gateway itself. */
async function errorFor(status: number, body: string, type: string): Promise<unknown> {
  const place = { ...(await answering(status, body, type)), scopes: [] }
  const server = definitionOf({ transport: 'streamable-http', url: 'http://127.0.0.1/mcp' })
  if (!isHttp(server)) throw new Error('not over HTTP')
  const client = { clientId: 'c', clientSecret: 's' }
  return ownToken({ place, client }, {}).then(
    () => Promise.reject(new Error('issued')),
    (error: unknown) => tokenRefused(error, { server, isOfCaller: false, secrets: [] }),
  )
}

test.each([
  ['nothing', '{}', JSON_TYPE],
  ['an empty token', '{"access_token":"","token_type":"bearer"}', JSON_TYPE],
  ['no type', '{"access_token":"a"}', JSON_TYPE],
  ['a token of a type that cannot be sent', '{"access_token":"a","token_type":"mac"}', JSON_TYPE],
  ['an odd lifetime', '{"access_token":"a","token_type":"bearer","expires_in":"soon"}', JSON_TYPE],
  ['a list', '[1]', JSON_TYPE],
  ['no JSON', '{"access_token":', JSON_TYPE],
  ['a page', '<html>', 'text/html'],
])('an authorization server that answers with %s is said to do so', async (_what, body, type) => {
  expect(await errorFor(200, body, type)).toMatchObject({
    code: 'upstream_unavailable',
    message: `The authorization server of sample ${NO_TOKEN}`,
    facts: { server: 'sample', mayHaveExecuted: false },
  })
})

test('an authorization server with an outage is said not to respond', async () => {
  expect(await errorFor(503, 'busy', 'text/plain')).toMatchObject({
    code: 'upstream_unavailable',
    message: 'The authorization server of sample does not respond',
  })
})

test('the same is said of an authorization server that is asked to renew the token of an account', async () => {
  const grantor = { ...(await answering(200, '{}', JSON_TYPE)), client: { clientId: 'c' } }
  const error: unknown = await refresh(grantor, 'r').catch((thrown: unknown) => thrown)
  expect(withoutToken(error)).toBe(NO_TOKEN)
})
