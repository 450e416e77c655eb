import { AxeBuilder } from '@axe-core/playwright'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { cookieOf } from '../dashboard/sign-in.ts'
import { describeWhere, type Suite } from '../support/describe-where.ts'
import type { TestApp } from '../support/test-app.ts'
import { hasChromium } from './chromium.ts'

/** `describe` for what needs a browser: without one it is skipped aloud, and in CI it fails. */
export const describeInBrowser: Suite = describeWhere(
  hasChromium || process.env['CI'] !== undefined,
  'Chromium',
)

/** How wide a window is, and which colours its person prefers. */
export interface Window {
  readonly width?: number
  readonly colorScheme?: 'light' | 'dark'
}

/** A page in a new window, in which somebody with those roles is signed in. */
export async function openPage(
  browser: Browser,
  app: TestApp,
  roles: readonly string[] | undefined,
  { width = 1280, colorScheme = 'light' }: Window = {},
): Promise<Page> {
  const context = await browser.newContext({
    baseURL: app.url,
    viewport: { width, height: 800 },
    colorScheme,
    reducedMotion: 'reduce',
  })
  if (roles !== undefined) await signIn(context, app, roles)
  return context.newPage()
}

async function signIn(context: BrowserContext, app: TestApp, roles: readonly string[]): Promise<void> {
  const [name = '', value = ''] = cookieOf(app, roles).split(/=(.*)/s)
  await context.addCookies([{ name, value, url: app.url }])
}

/** What axe finds on a page that keeps people from using it: rule and places. */
export async function seriousFaults(page: Page): Promise<string[]> {
  const axe = new AxeBuilder({ page }).options({ resultTypes: ['violations'] })
  // Pages have no frames, for which it would open a page for each look.
  const { violations } = await axe.setLegacyMode().analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target.join(' ')).join(', ')}`)
}
