import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let issuer: string

beforeAll(async () => {
  gateway = await startTestGateway({})
  issuer = gateway.url
})
afterAll(() => gateway.close())

describe.each(['/oauth/token', '/oauth/revoke'])('a body for %s', (path) => {
  test('has at most 16 KB, which is said before the body has arrived', async () => {
    const body = `token=${'x'.repeat(16_379)}`
    const headers = { 'content-type': 'application/x-www-form-urlencoded' }
    const answer = await fetch(issuer + path, { method: 'POST', headers, body })
    expect(answer.status).toBe(413)
    expect(await answer.json()).toEqual({
      error: 'invalid_request',
      error_description: 'the body has at most 16384 bytes, and its length in content-length',
    })
    const asked = request(issuer + path, {
      method: 'POST',
      headers: { ...headers, 'content-length': 16_385 },
    })
    asked.flushHeaders()
    const [early] = (await once(asked, 'response')) as [IncomingMessage]
    expect(early.statusCode).toBe(413)
    asked.destroy()
    const largest = await fetch(issuer + path, { method: 'POST', headers, body: body.slice(0, -1) })
    expect(largest.status).toBe(400)
  })

  test('states its length', async () => {
    const asked = request(issuer + path, { method: 'POST', headers: { 'transfer-encoding': 'chunked' } })
    asked.write('token=')
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    expect(answer.statusCode).toBe(413)
    asked.destroy()
  })
})
