import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import type { Browser, BrowserContext } from 'playwright-core'
import { NotingProvider } from '../support/oauth-provider.ts'
import { startTestGateway, type TestGateway } from '../support/start-gateway.ts'
import { type HttpUpstream, modernHttp } from '../support/upstreams/sample-http.ts'
import { describeInBrowser, seriousFaults } from './browser.ts'
import { openBrowser } from './chromium.ts'

const INFO = { name: 'probe', version: '1' }

describeInBrowser('a client that knows the address only, in a browser', () => {
  let upstream: HttpUpstream
  let gateway: TestGateway
  let browser: Browser
  let context: BrowserContext
  /** Where the client gets its code. */
  let callback: Server
  let redirectUri: string

  beforeAll(async () => {
    upstream = await modernHttp()
    gateway = await startTestGateway({ sample: { transport: 'streamable-http', url: upstream.url } })
    callback = createServer((_request, response) => response.end('You can close this page')).listen(
      0,
      '127.0.0.1',
    )
    await once(callback, 'listening')
    const address = callback.address()
    redirectUri = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/callback`
    browser = await openBrowser()
    context = await browser.newContext({ viewport: { width: 375, height: 700 }, colorScheme: 'dark' })
    const page = await context.newPage()
    await page.goto(gateway.gateway.signInLink?.() ?? '')
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.close()
  })
  afterAll(async () => {
    await browser.close()
    callback.close()
    callback.closeAllConnections()
    await gateway.close()
    await upstream.close()
  })

  function newClient(): { provider: NotingProvider; open: () => StreamableHTTPClientTransport } {
    const provider = new NotingProvider(redirectUri)
    const open = (): StreamableHTTPClientTransport =>
      new StreamableHTTPClientTransport(new URL('/mcp', gateway.url), { authProvider: provider })
    return { provider, open }
  }

  test('is connected by one click, and calls a tool', async () => {
    const { provider, open } = newClient()
    await expect(new Client(INFO).connect(open())).rejects.toThrow('Unauthorized')
    const page = await context.newPage()
    await page.goto(provider.address?.href ?? '')
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(`${redirectUri}**`)
    await open().finishAuth(new URL(page.url()).searchParams)
    const client = new Client(INFO)
    await client.connect(open())
    const { content } = await client.callTool({ name: 'sample_echo', arguments: { text: 'hello' } })
    expect(content).toEqual([{ type: 'text', text: '{"text":"hello"}' }])
    await client.close()
  })

  test('can be denied by the keyboard, on a page that everybody can read, narrow and dark', async () => {
    const { provider, open } = newClient()
    await expect(new Client(INFO).connect(open())).rejects.toThrow('Unauthorized')
    const page = await context.newPage()
    await page.goto(provider.address?.href ?? '')
    expect(await seriousFaults(page)).toEqual([])
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    await page.waitForURL(`${redirectUri}**`)
    expect(new URL(page.url()).searchParams.get('error')).toBe('access_denied')
  })
})
