/** Entry of `npm run clients`. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Command } from 'commander'
import type { Browser } from 'playwright-core'
import { openBrowser } from '../browser/chromium.ts'
import { INSPECTOR_PAGE } from './clients/inspector-page.ts'
import { BRIDGES, INSPECTOR_CLI } from './clients/processes.ts'
import { sdkClients } from './clients/sdk.ts'
import { VS_CODE_DOCUMENT, vsCodeClients } from './clients/vs-code.ts'
import { openDocumentHost } from './document-host.ts'
import { installedClients } from './installed.ts'
import { ANSWER, type MatrixClient } from './matrix-client.ts'
import { type Row, table } from './table.ts'
import { cloudWorlds, embeddedWorld, type World } from './worlds.ts'

const print = (line: string): void => void process.stdout.write(`${line}\n`)

const program = new Command('npm run clients --')
  .description(
    'Real clients connect to a gateway by its address alone, with the click of a person in Chromium, and call a tool.',
  )
  .option('--client <text...>', 'only the clients whose names contain one of these')
  .option('--embedded', 'only the gateway on this machine, not that in the cloud mode with two tenants')
  .addHelpText('after', '\nExit code: 0 when each client could, else 1.')
const options = program.parse().opts<{ client?: string[]; embedded?: boolean }>()

await using documents = await openDocumentHost(VS_CODE_DOCUMENT)
const installed = await installedClients()
const all = [
  INSPECTOR_CLI,
  INSPECTOR_PAGE,
  ...BRIDGES,
  ...sdkClients({ first: await versionOf('sdk'), second: await versionOf('client') }),
  ...vsCodeClients(documents.clientId),
]
const clients = all.filter(
  ({ name }) => options.client?.some((text) => name.toLowerCase().includes(text.toLowerCase())) ?? true,
)
const rows = new Map<MatrixClient, Row>(clients.map((client) => [client, { client, cells: [] }]))
const browser = await openBrowser()
try {
  await tryAll([await embeddedWorld(documents.outbound)], browser)
  if (options.embedded !== true) await tryAll(await cloudWorlds(documents.outbound), browser)
} finally {
  await browser.close()
}
print('')
for (const line of table([...rows.values()])) print(line)

async function tryAll(worlds: readonly World[], person: Browser): Promise<void> {
  try {
    for (const world of worlds) for (const client of clients) await tryOne(world, client, person)
  } finally {
    for (const world of worlds) await world[Symbol.asyncDispose]()
  }
}

async function tryOne(world: World, client: MatrixClient, withBrowser: Browser): Promise<void> {
  const start = performance.now()
  const seconds = (): string => `${((performance.now() - start) / 1000).toFixed(1)} s`
  const home = await mkdtemp(join(tmpdir(), 'client-'))
  const person = await world.person(withBrowser)
  try {
    const { asked, answer } = await client.connect({
      url: `${world.gateway.url}/mcp`,
      person,
      home,
      installed,
    })
    if (answer !== ANSWER) throw new Error(`the tool answered ${answer}`)
    print(`ok    ${world.title}: ${client.name}: "${asked}" (${seconds()})`)
    rows.get(client)?.cells.push({ world: world.title, asked })
  } catch (error) {
    print(`FAIL  ${world.title}: ${client.name} (${seconds()})`)
    print(error instanceof Error ? (error.stack ?? error.message) : String(error))
    rows.get(client)?.cells.push({ world: world.title })
    process.exitCode = 1
  } finally {
    await person[Symbol.asyncDispose]()
    await rm(home, { recursive: true, force: true })
  }
}

async function versionOf(name: string): Promise<string> {
  const path = new URL(`../../node_modules/@modelcontextprotocol/${name}/package.json`, import.meta.url)
  return String((JSON.parse(await readFile(path, 'utf8')) as { version: unknown }).version)
}
