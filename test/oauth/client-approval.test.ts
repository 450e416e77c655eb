import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { sessionCookie } from '../support/account-world.ts'
import { CookieBrowser, type Shown } from '../support/cookie-browser.ts'
import { codeRequest, newClient, redeem } from '../support/oauth-client.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'

let gateway: TestGateway
let issuer: string
let operator: string

beforeAll(async () => {
  gateway = await startTestGateway({}, { tenants: { local: { clientApproval: 'operator' } } })
  issuer = gateway.url
  operator = await gateway.token({ subject: 'olga', roles: ['operator'] })
})
afterAll(() => gateway.close())

/** What a person sees who connects with a client. */
async function opened(
  subject: string,
  clientId: string,
  roles = ['reader'],
): Promise<{ page: Shown; allow: () => Promise<string> }> {
  const browser = new CookieBrowser(issuer)
  browser.setCookie(...(await sessionCookie(subject, { ...gateway, roles })))
  const flow = codeRequest(issuer, clientId, { resource: issuer })
  const page = await browser.open(flow.url)
  const allow = async (): Promise<string> => {
    const back = await browser.submit(page, { decision: 'allow' })
    return String((await redeem(issuer, { clientId, flow, back })).body['access_token'])
  }
  return { page, allow }
}

async function decide(clientId: string, state: string, token = operator): ReturnType<TestGateway['rest']> {
  return await gateway.rest(token, 'PUT', `/v1/clients/${encodeURIComponent(clientId)}`, { state })
}

describe('where a tenant wants its operators to approve clients', () => {
  test('a person can use one only when it is approved, and the operators see who asked', async () => {
    const clientId = await newClient(issuer, { client_name: 'Paint Shop' })
    const before = await opened('ann', clientId)
    expect(before.page.status).toBe(403)
    expect(before.page.text).toContain('Paint Shop has to be approved first')
    const { body } = await gateway.rest(operator, 'GET', '/v1/clients')
    expect(body['clients']).toEqual([
      {
        clientId,
        clientName: 'Paint Shop',
        agent: 'unverified:Paint Shop',
        state: 'waiting',
        askedBy: 'ann',
        changedAt: expect.stringMatching(/^\d{4}-/),
      },
    ])
    expect((await decide(clientId, 'approved')).body).toMatchObject({ state: 'approved', decidedBy: 'olga' })
    const token = await (await opened('ann', clientId)).allow()
    expect((await gateway.rest(token, 'GET', '/v1/whoami')).status).toBe(200)
  })

  test('who denies one ends what it was allowed', async () => {
    const clientId = await newClient(issuer)
    await opened('bob', clientId)
    await decide(clientId, 'approved')
    const token = await (await opened('bob', clientId)).allow()
    expect((await gateway.rest(token, 'GET', '/v1/whoami')).status).toBe(200)
    await decide(clientId, 'denied')
    expect((await gateway.rest(token, 'GET', '/v1/whoami')).status).toBe(401)
    expect((await opened('bob', clientId)).page.text).toContain('is not allowed here')
  })

  test('an operator who allows one approves it for the others', async () => {
    const clientId = await newClient(issuer)
    await (await opened('olga', clientId, ['reader', 'operator'])).allow()
    expect((await opened('carl', clientId)).page.text).toContain('to use your tools?')
  })

  test('one with a metadata document is approved by its address, before anybody asks', async () => {
    const address = 'https://app.example/client.json'
    expect((await decide(address, 'approved')).body).toMatchObject({
      clientId: address,
      publisher: 'app.example',
      agent: address,
    })
    expect((await decide('nobody-knows-it', 'approved')).status).toBe(404)
  })

  test('only operators see and approve clients', async () => {
    const reader = await gateway.token({ subject: 'ann' })
    const answers = [
      await gateway.rest(reader, 'GET', '/v1/clients'),
      await decide('https://app.example/client.json', 'approved', reader),
    ]
    expect(answers.map(({ status }) => status)).toEqual([403, 403])
  })
})

describe('the page where operators approve clients', () => {
  const path = '/dashboard/approvals/clients'

  /** A person's browser at the page; `send` submits a form of it. */
  async function visitor(subject: string, roles: readonly string[]) {
    const [name, value] = await sessionCookie(subject, { ...gateway, roles: [...roles] })
    const ask = async (method: string, fields?: Record<string, string>) => {
      const response = await fetch(issuer + path, {
        method,
        headers: { cookie: `${name}=${value}`, accept: 'text/html', origin: issuer },
        ...(fields && { body: new URLSearchParams(fields) }),
      })
      return { status: response.status, text: await response.text() }
    }
    const page = await ask('GET')
    const csrf = /name="csrf" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
    return { page, send: (fields: Record<string, string>) => ask('POST', { csrf, ...fields }) }
  }

  test('shows who waits and who vouches for it, approves it, and denies it again', async () => {
    const clientId = await newClient(issuer, { client_name: 'Ink <b>Well</b>' })
    const refused = await opened('dora', clientId)
    expect(refused.page.text).toContain(`${issuer}${path}`)
    const { page, send } = await visitor('olga', ['reader', 'operator'])
    expect(page.text).toContain('Approve Ink &lt;b&gt;Well&lt;/b&gt;')
    expect(page.text).toContain('registered itself: anybody can take this name')
    const approved = await send({ client: clientId, decision: 'approve' })
    expect(approved.text).toContain('You approved Ink &lt;b&gt;Well&lt;/b&gt;')
    const token = await (await opened('dora', clientId)).allow()
    expect((await gateway.rest(token, 'GET', '/v1/whoami')).status).toBe(200)
    expect((await send({ client: clientId, decision: 'deny' })).text).toContain(
      'What it was allowed has ended',
    )
    expect((await gateway.rest(token, 'GET', '/v1/whoami')).status).toBe(401)
  })

  test('approves a client by the address of its metadata document, and says what is no such address', async () => {
    const { send } = await visitor('olga', ['operator'])
    const address = 'https://editor.example/client.json'
    const { text } = await send({ client: address, decision: 'approve' })
    expect(text).toContain(`You approved ${address}`)
    expect(text).toContain('published by editor.example')
    expect((await send({ client: 'nobody-knows-it', decision: 'approve' })).text).toContain('Unknown client')
  })

  test('needs the token of the session, and the role of an operator', async () => {
    const address = 'https://stranger.example/client.json'
    const operators = await visitor('olga', ['operator'])
    expect((await operators.send({ csrf: 'wrong', client: address, decision: 'approve' })).status).toBe(403)
    const readers = await visitor('ann', ['reader'])
    expect(readers.page).toMatchObject({ status: 403, text: expect.stringContaining('the role operator') })
    const { body } = await gateway.rest(operator, 'GET', '/v1/clients')
    expect(JSON.stringify(body)).not.toContain('stranger.example')
  })
})
