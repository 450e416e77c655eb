import { get } from 'node:http'
import { json } from 'node:stream/consumers'
import { expect, test } from '@jest/globals'
import { startTestGateway } from '../support/start-gateway.ts'

test('every address of the authorization server comes from PUBLIC_URL, whatever host a request names', async () => {
  const PUBLIC_URL = 'https://gw.example.com/base'
  const gateway = await startTestGateway(
    {},
    { env: { PUBLIC_URL, ALLOWED_HOSTS: 'gw.example.com,other.example' } },
  )
  const metadata = async (headers: Record<string, string>): Promise<unknown> => {
    const { port } = new URL(gateway.url)
    const url = `http://127.0.0.1:${port}/.well-known/oauth-authorization-server/base`
    return await new Promise((resolve, reject) => {
      get(url, { headers }, (response) => resolve(json(response))).on('error', reject)
    })
  }
  const expected = {
    issuer: PUBLIC_URL,
    authorization_endpoint: `${PUBLIC_URL}/oauth/authorize`,
    token_endpoint: `${PUBLIC_URL}/oauth/token`,
    revocation_endpoint: `${PUBLIC_URL}/oauth/revoke`,
    registration_endpoint: `${PUBLIC_URL}/oauth/register`,
    jwks_uri: `${PUBLIC_URL}/oauth/jwks`,
  }
  const asked: Record<string, string>[] = [
    { host: 'gw.example.com' },
    { host: 'other.example' },
    { host: 'gw.example.com', 'x-forwarded-host': 'evil.example' },
  ]
  for (const headers of asked) expect(await metadata(headers)).toMatchObject(expected)
  await gateway.close()
})
