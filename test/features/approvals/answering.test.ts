import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { LOCAL_ISSUER } from '../../../src/identity/local-names.ts'
import { approvalIn } from '../../support/approval-world.ts'
import { commandLine } from '../../support/command-line.ts'
import { eventually } from '../../support/eventually.ts'
import { openTestApp, type TestApp } from '../../support/test-app.ts'
import { type Ledger, ledgerHttp } from '../../support/upstreams/ledger-http.ts'

type Fields = Record<string, unknown>

let ledger: Ledger
let app: TestApp
let number = 0
let fresh: Fields

beforeAll(async () => {
  ledger = await ledgerHttp()
  const tools = { drop: { approval: 'caller' }, send: { approval: 'second-person' } }
  app = await openTestApp(
    { files: { transport: 'streamable-http', url: ledger.url, tools } },
    { env: { DASHBOARD: 'off' } },
  )
  await eventually(() => app.servers.upstreams.status('local/files')?.state === 'ready', { what: 'files' })
})
afterAll(async () => {
  await app.close()
  await ledger.close()
})
beforeEach(() => {
  fresh = { path: `<b>${(number += 1)}</b>\u202e` }
  ledger.calls.splice(0)
})

async function call(tool: string): Promise<{ status: number; body: Fields }> {
  return app.rest(await app.token(), 'POST', `/v1/tools/files_${tool}`, { arguments: fresh })
}

async function requested(tool: string): Promise<string> {
  return approvalIn((await call(tool)).body)
}

/** The browser of a person. */
function browser(subject: string, roles: readonly string[] = ['reader']) {
  const principal = { tenantId: 'local', subject, agent: 'browser', roles, scopes: [], issuer: LOCAL_ISSUER }
  const issued = app.identity.browserSessions.issue({ ...principal, expiresAtMs: Date.now() + 600_000 })
  const cookie = issued.split(';', 1)[0] ?? ''
  const session = app.identity.browserSessions.read(cookie)
  return {
    open: (path: string) => app.request.get(path).set({ cookie, accept: 'text/html' }),
    answer: async (id: string, fields: Record<string, string>) =>
      await app.request
        .post(`/dashboard/approvals/${id}`)
        .type('form')
        .set({ cookie, accept: 'text/html' })
        .send({ csrf: (await session)?.csrfToken ?? '', ...fields }),
  }
}

describe('the page of a request, which is there without a dashboard', () => {
  test('shows the call as text, and the person in whose name it is made approves it there', async () => {
    const id = await requested('drop')
    const ann = browser('ann')
    const { text } = await ann.open(`/dashboard/approvals/${id}`)
    expect(text).toContain(`&lt;b&gt;${number}&lt;/b&gt;&lt;U+202E&gt;`)
    expect(text).toContain('Approve this call')
    expect((await ann.answer(id, { answer: 'approve' })).text).toContain('You approved the call')
    expect(await call('drop')).toMatchObject({ status: 200 })
    expect((await ann.answer(id, { answer: 'approve' })).text).toContain('approval_closed')
    expect((await ann.open('/dashboard/approvals')).text).toContain('Answered lately')
  })

  test('takes no answer without the token of the session', async () => {
    const id = await requested('drop')
    const forged = await browser('ann').answer(id, { answer: 'approve', csrf: 'wrong' })
    expect(forged.status).toBe(403)
    expect((await call('drop')).body['code']).toBe('approval_required')
  })

  test('has no yes for whoever the rule does not let approve, and no way around that', async () => {
    const id = await requested('send')
    const ann = browser('ann', ['reader', 'operator'])
    const { text } = await ann.open(`/dashboard/approvals/${id}`)
    expect(text).toContain('A second person has to approve this call')
    expect(text).not.toContain('Approve this call')
    expect((await ann.answer(id, { answer: 'approve' })).text).toContain('forbidden')
    const bob = browser('bob', ['approver'])
    expect((await bob.open(`/dashboard/approvals/${id}`)).text).toContain('Approve this call')
    expect((await bob.answer(id, { answer: 'approve' })).text).toContain('You approved the call')
    expect(await call('send')).toMatchObject({ status: 200 })
  })

  test('denies with a reason', async () => {
    const id = await requested('drop')
    const denied = await browser('ann').answer(id, { answer: 'deny', reason: 'a <b>mistake</b>' })
    expect(denied.text).toContain('a &lt;b&gt;mistake&lt;/b&gt;')
    expect((await call('drop')).body).toMatchObject({
      code: 'approval_denied',
      detail: expect.stringContaining('a <b>mistake</b>'),
    })
  })

  test('is not there for others, and no other page is', async () => {
    const id = await requested('drop')
    expect((await browser('cid').open(`/dashboard/approvals/${id}`)).status).toBe(404)
    expect((await browser('ann').open('/dashboard/servers')).status).toBe(401)
    expect((await app.request.get(`/dashboard/approvals/${id}`)).headers['location']).toBe(
      `/signin?return=%2Fdashboard%2Fapprovals%2F${id}`,
    )
  })
})

describe('the command line', () => {
  test('lists, shows and approves; with the key of the gateway in the own name, too', async () => {
    const id = await requested('drop')
    const roles = ['reader', 'platform-admin']
    const tg = commandLine(app.url, await app.token({ roles, agent: 'terminal' }))
    expect((await tg('approvals', 'list')).out).toContain(`${id}\topen\tfiles\tdrop\tann\t`)
    const { out } = await tg('approvals', 'show', id)
    expect(out).toContain(`"path": "<b>${number}</b><U+202E>"`)
    expect(await tg('approvals', 'approve', id)).toMatchObject({ code: 64 })
    expect(await tg('approvals', 'approve', id, '--yes')).toMatchObject({ code: 0, out: `approved ${id}\n` })
    expect(await call('drop')).toMatchObject({ status: 200 })
  })

  test('asks at a terminal, where the arguments are shown', async () => {
    const id = await requested('send')
    const answers = [false, true]
    const confirm = (): Promise<boolean> => Promise.resolve(answers.shift() === true)
    const tg = commandLine(app.url, await app.token({ subject: 'bob', roles: ['approver'] }), confirm)
    const refused = await tg('approvals', 'approve', id)
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('nothing was approved') })
    expect(refused.err).toContain(`<b>${number}</b>`)
    expect(await tg('approvals', 'approve', id)).toMatchObject({ code: 0 })
  })

  test('denies with a reason, and says what cannot be answered', async () => {
    const id = await requested('drop')
    const tg = commandLine(app.url, await app.token({ subject: 'bob', roles: ['approver'] }))
    expect(await tg('approvals', 'deny', id, '--reason', 'no')).toMatchObject({ out: `denied ${id}\n` })
    expect(await tg('approvals', 'deny', id)).toMatchObject({ code: 1 })
    expect(await tg('approvals', 'show', 'unknown')).toMatchObject({ code: 1 })
    const ann = commandLine(app.url, await app.token({ agent: 'terminal' }))
    expect(await ann('approvals', 'approve', await requested('send'), '--yes')).toMatchObject({ code: 77 })
  })
})

test('answers are in the usage records, with who asked for what, and the call that was made with one', async () => {
  const id = await requested('drop')
  await browser('bob', ['approver']).answer(id, { answer: 'approve' })
  await call('drop')
  const auditor = await app.token({ roles: ['auditor'] })
  const made = await app.rest(auditor, 'GET', '/v1/audit?target=files_drop&outcome=ok&limit=1')
  expect(made.body['records']).toMatchObject([{ action: 'call', subject: 'ann', change: { approval: id } }])
  const { body } = await app.rest(auditor, 'GET', `/v1/audit?target=${id}`)
  expect(body['records']).toMatchObject([
    {
      action: 'approval.approve',
      subject: 'bob',
      target: id,
      server: 'files',
      outcome: 'changed',
      change: { tool: 'drop', rule: 'caller', requester: { subject: 'ann' } },
    },
  ])
})
