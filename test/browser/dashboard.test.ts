import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { Browser, Page } from 'playwright-core'
import { startsCompiled } from '../support/compiled.ts'
import { everything } from '../support/documents.ts'
import { eventually } from '../support/eventually.ts'
import { startTestRegistry, type TestRegistry } from '../support/mcp-registry.ts'
import { PUBLISHED } from '../support/registry-servers.ts'
import { isFullSoak } from '../support/soak.ts'
import { openTestApp, type TestApp } from '../support/test-app.ts'
import { describeInBrowser, openPage, seriousFaults, type Window } from './browser.ts'
import { openBrowser } from './chromium.ts'

const OPERATOR = ['reader', 'operator', 'auditor', 'platform-admin']
const ON_A_DESK = { width: 1280, height: 800, colorScheme: 'light' } as const
const ON_A_PHONE = { width: 390, height: 800, colorScheme: 'dark' } as const
/** How pages are looked at, the phone last. */
const LOOKS = isFullSoak ? [ON_A_DESK, ON_A_PHONE] : [ON_A_PHONE]
/** Pages that have nearly all there is among them: tiles and charts, a state, a form, a table. */
const MOST_PARTS = [
  '/dashboard',
  '/dashboard/servers/everything/edit',
  '/dashboard/access?kind=tool&name=everything_echo&roles=support',
  '/dashboard/approvals/clients',
]
const OTHERS = [
  '/',
  '/dashboard/servers/everything',
  '/dashboard/tools',
  '/dashboard/servers',
  '/dashboard/add-server?kind=registry&query=weather',
  '/dashboard/add-server?kind=address',
  '/dashboard/add-server?kind=package',
  '/dashboard/tools/everything_get-sum',
  '/dashboard/pipelines',
  '/dashboard/approvals/definitions',
  '/dashboard/approvals',
  '/dashboard/activity',
  '/dashboard/sessions',
  '/dashboard/connections',
  '/dashboard/caches',
  '/dashboard/tenant',
  '/dashboard/nothing',
]
const PAGES = isFullSoak ? [...MOST_PARTS, ...OTHERS] : MOST_PARTS

describeInBrowser('in a browser', () => {
  let app: TestApp
  let browser: Browser
  let registry: TestRegistry
  /** While this file is there, the server `switched` starts. */
  let switchFile: string
  const faults: string[] = []

  beforeAll(async () => {
    registry = await startTestRegistry(PUBLISHED)
    app = await openTestApp({}, { env: { MCP_REGISTRY_URL: registry.url } })
    switchFile = join(app.dataDir, 'on')
    await writeFile(switchFile, '')
    const program = join(import.meta.dirname, '../support/upstreams/switched-stdio.ts')
    const servers = {
      everything,
      switched: {
        ...everything,
        package: undefined,
        command: process.execPath,
        args: [program, switchFile],
        ...startsCompiled,
      },
    }
    await writeFile(join(app.dataDir, 'registry.json'), JSON.stringify({ servers }))
    await eventually(() => ready() === 2, { what: 'two servers' })
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser.close()
    await app.close()
    registry.close()
  })
  afterEach(async () => {
    // A window that nobody looks at any more would go on asking for what is new.
    for (const context of browser.contexts()) await context.close()
    if (faults.length > 0) throw new Error(faults.splice(0).join('\n'))
  })

  function ready(): number {
    return [...app.servers.upstreams.statuses().values()].filter(({ state }) => state === 'ready').length
  }

  /** A page in a new window; what its console or its scripts report fails the test. */
  async function visit(
    path: string,
    { roles = OPERATOR, ...window }: Window & { roles?: readonly string[] | 'nobody' } = {},
  ): Promise<Page> {
    const page = await openPage(browser, app, roles === 'nobody' ? undefined : roles, window)
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('status of 40')) faults.push(message.text())
    })
    await page.goto(path)
    return page
  }

  test('the one-time link signs in, and a tool is called from the first page', async () => {
    const link = new URL(app.oauth.signInLink?.() ?? '')
    const page = await visit(`${link.pathname}${link.search}`, { roles: 'nobody' })
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByRole('heading', { name: 'Overview' }).waitFor()
    await page.goto('/')
    await page.locator('select[name=tool]').selectOption('everything_get-sum')
    await page.getByLabel('a required').fill('19')
    await page.getByLabel('b required').fill('23')
    await page.getByRole('button', { name: 'Call the tool' }).click()
    const result = page.locator('#result pre').filter({ hasText: 'The sum' })
    expect(await result.textContent()).toBe('The sum of 19 and 23 is 42.')
  })

  test('the overview shows a server fail and recover while one looks', async () => {
    const page = await visit('/dashboard')
    await page.getByText('All 2 servers ready').waitFor()
    await rm(switchFile)
    for (const { name, instances } of app.servers.upstreams.statuses().values())
      if (name === 'switched')
        for (const { pid } of instances) if (pid !== undefined) process.kill(pid, 'SIGKILL')
    const alert = page.getByRole('alert').filter({ hasText: 'switched' })
    await alert.getByText('has failed').waitFor()
    await writeFile(switchFile, '')
    await alert.getByRole('link', { name: 'switched' }).click()
    await page.getByText('the switch is off').first().waitFor()
    await page
      .getByRole('button', { name: /Start|Restart/ })
      .last()
      .click()
    await page.getByText('switched is being').waitFor()
    await page.goto('/dashboard')
    await page.getByText('All 2 servers ready').waitFor()
    expect(await alert.count()).toBe(0)
  })

  test('a server is added from a form, and its tools are there', async () => {
    const page = await visit('/dashboard/add-server')
    await page.getByRole('link', { name: 'An npm package' }).click()
    await page.getByRole('link', { name: 'A command' }).click()
    await page.getByLabel('Name required').fill('second')
    await page.getByLabel('Command required').fill(process.execPath)
    await page
      .getByLabel('Arguments')
      .fill([join(import.meta.dirname, '../support/upstreams/sample-stdio.ts')].join('\n'))
    await page.getByLabel('Required roles').fill('reader')
    await page.getByRole('button', { name: 'Add the server' }).click()
    await page.getByRole('heading', { name: 'second' }).waitFor()
    await page.getByRole('link', { name: '10 tools' }).click()
    await page.getByRole('link', { name: 'second_echo' }).click()
    await page.getByRole('heading', { name: 'Call it' }).waitFor()
    expect(await readFile(join(app.dataDir, 'registry.json'), 'utf8')).toContain('second')
  })

  test('a server of the MCP registry is found as one types, checked, and added', async () => {
    const page = await visit('/dashboard/add-server')
    await page.getByLabel('Search the MCP registry').pressSequentially('weather')
    await page.getByRole('link', { name: 'Choose Weather', exact: true }).click()
    await page.getByLabel('X-Api-Key required').fill('secret://local_weather')
    await page.getByLabel('region required').selectOption('eu')
    await page.getByLabel('Required roles').fill('support')
    expect(await seriousFaults(page)).toEqual([])
    await page.getByRole('button', { name: 'Check first' }).click()
    await page.getByText('It may be used with the role support.').waitFor()
    await page.getByRole('button', { name: 'Add the server' }).click()
    await page.getByRole('heading', { name: 'weather' }).waitFor()
    expect(await readFile(join(app.dataDir, 'registry.json'), 'utf8')).toContain('http://127.0.0.1:9/eu/mcp')
  })

  test('tools are found as one types', async () => {
    const page = await visit('/dashboard/tools')
    await page.getByLabel('Search').pressSequentially('sum')
    await page.getByRole('link', { name: 'everything_echo' }).waitFor({ state: 'detached' })
    expect(await page.getByRole('link', { name: 'everything_get-sum' }).count()).toBe(1)
  })

  test('why a caller may not use a tool is explained, with the field that says so', async () => {
    const page = await visit('/dashboard/access')
    await page.getByLabel('Its name').fill('everything_echo')
    await page.getByLabel('Roles of the caller').fill('support')
    await page.getByRole('button', { name: 'Explain' }).click()
    await page.getByText('everything_echo may not be used').waitFor()
    expect(await page.locator('#answer').textContent()).toMatch(/server-roles[^]*requiredRoles[^]*reader/)
  })

  test('what an edit would change is shown before it is saved', async () => {
    const page = await visit('/dashboard/servers/everything/edit')
    const document = page.getByLabel('Document')
    await document.fill((await document.inputValue()).replace('"reader"', '"support"'))
    await page.getByRole('button', { name: 'Check first' }).click()
    await page.getByText('The document is valid. It changes: requiredRoles').waitFor()
    expect(await page.locator('#outcome').textContent()).toMatch(
      /Role reader: lose 13 tools: everything_echo/,
    )
  })

  test('a client is approved by its address, and denied by a button of its row', async () => {
    const page = await visit('/dashboard/approvals')
    await page.getByRole('link', { name: 'Clients' }).click()
    await page.getByLabel('Address of its metadata document').fill('https://paint.example/client.json')
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await page.getByText('You approved https://paint.example/client.json').waitFor()
    const row = page.getByRole('row').filter({ hasText: 'published by paint.example' })
    await row.getByRole('button', { name: 'Deny https://paint.example/client.json' }).click()
    await page.getByText('You denied https://paint.example/client.json').waitFor()
    await row.getByRole('button', { name: 'Approve https://paint.example/client.json' }).waitFor()
    expect(await row.textContent()).toContain('denied')
  })

  test('a filter that is refused leaves the list as it is, and says why until the next one', async () => {
    const page = await visit('/dashboard/activity')
    await page.getByLabel('Person').fill('x'.repeat(300))
    await page.getByLabel('Person').press('Enter')
    const said = page.getByRole('status')
    await said.filter({ hasText: 'The request is malformed: subject: ' }).waitFor()
    await page.getByRole('rowheader').first().waitFor()
    await page.getByLabel('Person').fill('nobody')
    await page.getByLabel('Person').press('Enter')
    await page.getByText('Nothing fits these filters.').waitFor()
    expect(await page.locator('#toast').textContent()).toBe('')
  })

  test('what is live stays while the gateway refuses, says why, and goes on afterwards', async () => {
    const page = await visit('/dashboard/servers')
    await page.clock.install()
    await page.reload()
    const refusal = '<main id="main"><h1>Too many requests</h1><p class="about">Try later</p></main>'
    await page.route('**/dashboard/servers', (route) => route.fulfill({ status: 403, body: refusal }))
    await page.clock.runFor(5000)
    await page.getByText('Too many requests: Try later').waitFor()
    await page.getByRole('link', { name: 'everything', exact: true }).waitFor()
    await page.unroute('**/dashboard/servers')
    await page.clock.runFor(5000)
    await page.getByText('Too many requests').waitFor({ state: 'detached' })
    expect(await page.getByRole('link', { name: 'everything', exact: true }).count()).toBe(1)
  })

  test('what is live does not dim its buttons while it is read again', async () => {
    const page = await visit('/dashboard/approvals/clients')
    await page.getByLabel('Address of its metadata document').fill('https://draw.example/client.json')
    await page.getByRole('button', { name: 'Approve', exact: true }).click()
    await page.getByText('You approved https://draw.example/client.json').waitFor()
    await page.clock.install()
    await page.goto('/dashboard/approvals/clients')
    const asked = page.waitForRequest('**/dashboard/approvals/clients')
    await page.route('**/dashboard/approvals/clients', () => undefined)
    await page.clock.runFor(5000)
    await asked
    expect(await page.locator('#live').getAttribute('class')).toContain('htmx-request')
    expect(await page.evaluate('getComputedStyle(document.querySelector("#live button")).opacity')).toBe('1')
  })

  test('a reader is refused what operators do, in words', async () => {
    const page = await visit('/dashboard/servers', { roles: ['reader'] })
    await page.getByText('This needs the role operator').waitFor()
    await page.getByRole('link', { name: 'Go to the overview' }).click()
    expect(await page.getByRole('link', { name: 'Servers', exact: true }).count()).toBe(0)
  })

  test('light and dark are switched by a button, and stay', async () => {
    const page = await visit('/dashboard')
    await page.getByRole('button', { name: 'Switch between light and dark' }).click()
    await page.reload()
    expect(await page.locator('html').getAttribute('data-theme')).toBe('dark')
  })

  test('the keyboard leads past the navigation', async () => {
    const page = await visit('/dashboard/tools')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.name')).toBe('query')
  })

  test.each(PAGES)('axe finds nothing serious on %s, and it fits a phone', async (path) => {
    const page = await visit(path)
    const found: string[] = []
    for (const { colorScheme, ...size } of LOOKS) {
      await page.emulateMedia({ colorScheme })
      await page.setViewportSize(size)
      found.push(...(await seriousFaults(page)))
    }
    expect(found).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await page.context().close()
  })
})
