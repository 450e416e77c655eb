/**
 * Checks the document of the API with Spectral and its OWASP rules, and that a client which a public generator makes of
 * it calls a tool. Both programs are larger than all that the gateway uses of npm for its own checks: they are kept in
 * `node_modules/.cache`, in exactly these versions, from their first use on.
 */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startGateway } from '../src/embedding.ts'
import { openapiDocument } from '../src/rest/openapi/document.ts'
import { OPERATIONS } from '../src/rest/openapi/operations.ts'

const PACKAGES = [
  '@stoplight/spectral-cli@6.16.3',
  '@stoplight/spectral-owasp-ruleset@2.0.1',
  '@hey-api/openapi-ts@0.99.0',
  'typescript@5.9.3',
]
const RULES = '.spectral.yaml'
const CACHE = join(import.meta.dirname, '../node_modules/.cache')
/** Long enough for a server on a slow machine to start. */
const START_MS = 60_000

/** What a person writes with a client that was generated. */
const USE = `import { client } from './client/client.gen.ts'
import { everythingGetSum } from './client/sdk.gen.ts'

client.setConfig({ baseUrl: process.argv[2], auth: process.argv[3] })
const { data, error } = await everythingGetSum({ body: { arguments: { a: 19, b: 23 } } })
console.log(data?.content?.[0]?.text ?? JSON.stringify(error))
`
const GENERATOR = `export default {
  input: './tools.json',
  output: { path: './client', module: { extension: '.ts' } },
  plugins: ['@hey-api/client-fetch', '@hey-api/sdk', '@hey-api/typescript'],
}
`

const folder = await mkdtemp(join(tmpdir(), 'lint-openapi-'))
try {
  await symlink(join(await installed(), 'node_modules'), join(folder, 'node_modules'))
  await lint()
  await callByGeneratedClient()
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

/** Where the programs are. Renamed at its end, so that an installation that was interrupted is not used. */
async function installed(): Promise<string> {
  const place = join(CACHE, `openapi ${PACKAGES.join(' ')}`.replaceAll(/[^\w.@-]+/g, '_'))
  if (existsSync(place)) return place
  await mkdir(CACHE, { recursive: true })
  const staging = await mkdtemp(join(CACHE, 'openapi-'))
  await writeFile(join(staging, 'package.json'), '{ "private": true }')
  const install = ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error']
  execFileSync('npm', [...install, ...PACKAGES], { cwd: staging, stdio: 'inherit' })
  await rename(staging, place)
  return place
}

async function lint(): Promise<void> {
  const document = openapiDocument(OPERATIONS, { publicUrl: 'https://gateway.example' })
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(document, undefined, 2))
  await copyFile(new URL(`../${RULES}`, import.meta.url), join(folder, RULES))
  const spectral = join(folder, 'node_modules/@stoplight/spectral-cli/dist/index.js')
  run(spectral, ['lint', 'openapi.json', '--ruleset', RULES])
}

/** A gateway with a real server, the document of a caller's tools, a client made of it, and a call by that client. */
async function callByGeneratedClient(): Promise<void> {
  const registry = join(folder, 'registry.json')
  const everything = { transport: 'stdio', package: '@modelcontextprotocol/server-everything' }
  await writeFile(registry, JSON.stringify({ servers: { everything } }))
  const settings = {
    DATA_DIR: join(folder, 'data'),
    REGISTRY_FILE: registry,
    PORT: '0',
    METRICS_PORT: 'off',
    LOG_LEVEL: 'error',
  }
  const gateway = await startGateway({ settings })
  try {
    const end = Date.now() + START_MS
    while (gateway.servers().every(({ state }) => state !== 'ready') && Date.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 100))
    const token = await gateway.token({ subject: 'ann' })
    const response = await fetch(`${gateway.url}/v1/openapi.json?expand=tools`, {
      headers: { authorization: `Bearer ${token}` },
    })
    await writeFile(join(folder, 'tools.json'), await response.text())
    await writeFile(join(folder, 'openapi-ts.config.mjs'), GENERATOR)
    await writeFile(join(folder, 'use.ts'), USE)
    await writeFile(join(folder, 'package.json'), '{ "private": true, "type": "module" }')
    run(join(folder, 'node_modules/@hey-api/openapi-ts/bin/run.js'), ['--silent'])
    const said = await output(join(folder, 'use.ts'), [gateway.url, token])
    if (said !== 'The sum of 19 and 23 is 42.') throw new Error(`the generated client got: ${said}`)
    process.stdout.write('A generated client has called a tool.\n')
  } finally {
    await gateway.close()
  }
}

function run(program: string, args: readonly string[]): void {
  execFileSync(process.execPath, [program, ...args], { cwd: folder, stdio: 'inherit' })
}

/** Not synchronous: the gateway that the program calls is in this process. */
async function output(program: string, args: readonly string[]): Promise<string> {
  const { promisify } = await import('node:util')
  const { execFile } = await import('node:child_process')
  const { stdout } = await promisify(execFile)(process.execPath, [program, ...args], { cwd: folder })
  return stdout.trim()
}
