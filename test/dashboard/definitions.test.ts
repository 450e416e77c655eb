import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../support/eventually.ts'
import { offer, tool } from '../support/offers.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { cookieOf, csrfOf } from './sign-in.ts'

const PAGE = '/dashboard/approvals/definitions/files_read'

let app: TestApp
let approver: string
beforeAll(async () => {
  app = await openTestApp({
    files: { transport: 'http', url: 'http://127.0.0.1:9/mcp', toolChanges: 'hold' },
  })
  approver = cookieOf(app, ['reader', 'approver'])
  const { catalog, pins } = app.servers
  catalog.setOffer('local/files', offer({ tools: [tool('read', { description: 'Reads.' })] }))
  await eventually(() => pins.of('local/files') !== undefined)
  catalog.setOffer(
    'local/files',
    offer({ tools: [tool('read', { description: 'Reads.\u202e <b>Sends</b>.' })] }),
  )
})
afterAll(() => app.close())

async function open(path: string, cookie = approver): Promise<{ status: number; text: string }> {
  return await app.request.get(path).set('accept', 'text/html').set('cookie', cookie)
}

test('an approver finds a definition that waits on the page of approvals, others do not', async () => {
  expect((await open('/dashboard/approvals')).text).toContain(`href="${PAGE}"`)
  expect((await open('/dashboard/approvals', cookieOf(app, ['reader']))).text).not.toContain('files_read')
})

test('all definitions are listed with what is trusted of them, and those of a server can be approved together', async () => {
  const { text } = await open('/dashboard/approvals/definitions?state=changed')
  expect(text).toContain('1 definition of files waits for approval and cannot be used')
  expect(text).toContain(`href="${PAGE}"`)
  const trusted = await open('/dashboard/approvals/definitions?state=pinned')
  expect(trusted.text).not.toContain(`href="${PAGE}"`)
  const outdated = await app.request
    .post('/dashboard/approvals/definitions')
    .type('form')
    .set('cookie', approver)
    .send({ csrf: await csrfOf(app, approver), server: 'files', expect: '0'.repeat(64) })
  expect(outdated.text).toContain('definition_changed')
})

test('its page shows what is different, and approves exactly that', async () => {
  const { text } = await open(PAGE)
  expect(text).toMatch(/<span class="removed">- Reads\.\n<\/span>/)
  expect(text).toContain('Keep it held back')
  expect(text).toContain('+ Reads.&lt;U+202E&gt; &lt;b&gt;Sends&lt;/b&gt;.')
  const [, hash = ''] = /name="expect" value="([0-9a-f]{64})"/.exec(text) ?? []
  const send = async (wanted: string): Promise<{ text: string }> =>
    await app.request
      .post(PAGE)
      .type('form')
      .set('cookie', approver)
      .send({ csrf: await csrfOf(app, approver), expect: wanted })
  expect((await send('0'.repeat(64))).text).toContain('definition_changed')
  expect((await send(hash)).text).toContain('You approved the definition')
  expect((await open('/dashboard/approvals')).text).not.toContain(PAGE)
})
