import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { eventually } from '../../support/eventually.ts'
import { freePort } from '../../support/free-port.ts'
import { VERSIONS } from '../installed.ts'
import { type MatrixClient, type Occasion, type Outcome, TEXT, TOOL } from '../matrix-client.ts'

/** The page of the Inspector, which the person uses in the same browser. */
export const INSPECTOR_PAGE: MatrixClient = {
  name: 'MCP Inspector, page',
  version: VERSIONS['@modelcontextprotocol/inspector'],
  connect,
}

async function connect(on: Occasion): Promise<Outcome> {
  const server = spawn(
    process.execPath,
    [
      join(on.installed, 'node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js'),
      '--web',
      '--transport',
      'http',
      '--server-url',
      on.url,
    ],
    {
      stdio: ['ignore', 'pipe', 'ignore'],
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: on.home,
        CLIENT_PORT: String(await freePort()),
        MCP_SANDBOX_PORT: String(await freePort()),
        MCP_AUTO_OPEN_ENABLED: 'false',
        MCP_STORAGE_DIR: on.home,
        MCP_INSPECTOR_SECRET_STORE: 'file',
      },
    },
  )
  const ended = once(server, 'close')
  try {
    let output = ''
    server.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
    const address = await eventually(() => /http:\S+API_TOKEN=\w+/.exec(output)?.[0], {
      what: 'the address of the page',
    })
    const page = await on.person.newPage()
    await page.goto(address)
    return await use(page, on)
  } finally {
    server.kill('SIGTERM')
    await ended
  }
}

async function use(page: Page, { person }: Occasion): Promise<Outcome> {
  // The switch itself is hidden behind its drawing.
  await page.getByRole('switch', { name: /^Connect or disconnect/ }).click({ force: true })
  const asked = await person.allowOn(page)
  await page.getByText('Tools', { exact: true }).click()
  await page.getByRole('button', { name: TOOL, exact: true }).click()
  await page.getByText('Edit as JSON').click({ force: true })
  await page.getByRole('textbox', { name: /^Arguments JSON/ }).focus()
  await page.keyboard.press('Control+A')
  await page.keyboard.insertText(JSON.stringify({ text: TEXT }))
  await page.getByRole('button', { name: 'Execute Tool' }).click()
  await page.getByText('Results', { exact: true }).waitFor()
  const shown = page.locator('.ace_line')
  await shown.filter({ hasText: TEXT }).waitFor()
  // It shows JSON in lines of its own.
  const lines = await shown.allTextContents()
  return { asked, answer: JSON.stringify(JSON.parse(lines.join(''))) }
}
