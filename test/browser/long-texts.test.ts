import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { offer, tool } from '../support/offers.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { describeInBrowser, openPage } from './browser.ts'
import { openBrowser } from './chromium.ts'

const WORD = 'word'.repeat(100)
const ROLE = `role-${'r'.repeat(90)}`

describeInBrowser('words without an end, which servers and tokens may have,', () => {
  let app: TestApp
  let browser: Browser

  beforeAll(async () => {
    const server = { transport: 'http', url: 'http://127.0.0.1:9/mcp', requiredRoles: ['reader', ROLE] }
    app = await openTestApp({ files: server })
    const properties = { [WORD]: { type: 'string', description: WORD } }
    const odd = tool('read', { description: WORD, inputSchema: { type: 'object', properties } })
    app.servers.catalog.setOffer('local/files', offer({ tools: [odd, tool('write')] }))
    const token = await app.token({
      subject: WORD.slice(0, 250),
      agent: WORD.slice(0, 100),
      roles: ['reader'],
    })
    await app.rest(token, 'POST', `/v1/tools/${WORD.slice(0, 250)}`, { arguments: {} })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser.close()
    await app.close()
  })

  test.each([
    '/dashboard/tools',
    '/dashboard/tools/files_read',
    '/dashboard/activity',
    `/dashboard/access?kind=tool&name=files_read&roles=support`,
  ])('leave %s as wide as the window, and its names to be read', async (path) => {
    const page = await openPage(browser, app, ['reader', 'operator', 'auditor'])
    await page.goto(path)
    for (const width of [1280, 900, 390]) {
      await page.setViewportSize({ width, height: 800 })
      expect(await page.evaluate('document.documentElement.scrollWidth - innerWidth')).toBeLessThanOrEqual(0)
      for (const name of await page.getByRole('rowheader').all())
        expect((await name.boundingBox())?.width).toBeGreaterThan(100)
    }
    await page.context().close()
  })
})
