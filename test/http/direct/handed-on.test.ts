import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { DirectListener } from '../../../src/http/direct/direct-listener.ts'
import type { AcceptedToken } from '../../../src/identity/token-verifier.ts'

type Options = ConstructorParameters<typeof DirectListener>[0]

let server: Server

afterEach(async () => {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
})

const VERIFIED = { paths: [''], principal: {} } as unknown as AcceptedToken

/** What the application behind the listener gets of a request that is not JSON. */
async function handedOn(changes: Partial<Options>): Promise<unknown> {
  const general = (request: IncomingMessage, response: ServerResponse): void => {
    const { bodyBytes } = request
    response.end(bodyBytes === undefined ? 'as it came' : `read: ${bodyBytes.toString()}`)
  }
  const options = {
    verifier: { cached: () => VERIFIED },
    allowedHosts: ['127.0.0.1'],
    hasSnapshot: () => true,
    sessions: { isAccepting: true },
    maxBodyBytes: 1000,
    calls: { inFlight: 0 },
    general,
    ...changes,
  }
  server = createServer(new DirectListener(options as Options).listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/tools/x`, {
    method: 'POST',
    headers: { authorization: 'Bearer t', 'content-type': 'application/json', accept: '*/*' },
    body: '{"half":',
  })
  return response.text()
}

test('a body that has been read is handed on with its request', async () => {
  expect(await handedOn({})).toBe('read: {"half":')
})

test('a body that arrives while a call is in progress is handed on at the end of the turn', async () => {
  expect(await handedOn({ calls: { inFlight: 1 } as Options['calls'] })).toBe('read: {"half":')
})

test('a token that is no longer current when the body is there is verified by the application', async () => {
  let asked = 0
  const cached = (): AcceptedToken | undefined => ((asked += 1) === 1 ? VERIFIED : undefined)
  expect(await handedOn({ verifier: { cached } })).toBe('read: {"half":')
  expect(asked).toBe(2)
})

test.each<[string, Partial<Options>]>([
  ['with a token that has not been verified', { verifier: { cached: () => undefined } }],
  [
    'with a token for another place',
    { verifier: { cached: () => ({ ...VERIFIED, paths: ['/mcp/files'] }) } },
  ],
  ['before the registry has been read', { hasSnapshot: () => false }],
  ['while the gateway shuts down', { sessions: { isAccepting: false } }],
  ['whose body is larger than allowed', { maxBodyBytes: 7 }],
  ['to a host that is not allowed', { allowedHosts: ['gateway.example'] }],
])('a request %s is handed on as it came', async (_when, changes) => {
  expect(await handedOn(changes)).toBe('as it came')
})
