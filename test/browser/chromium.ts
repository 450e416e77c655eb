import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']
const executablePath = process.env['CHROMIUM_PATH'] ?? PLACES.find((path) => existsSync(path))

/** Whether this machine has a browser. */
export const hasChromium: boolean = executablePath !== undefined

/** Starts the browser of this machine. */
export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    ...(executablePath !== undefined && { executablePath }),
    // Its sandbox needs rights that containers do not give, and it sees only pages of the gateway.
    args: ['--no-sandbox', '--disable-dev-shm-usage'],
  })
}
