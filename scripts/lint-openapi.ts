/**
 * Checks the document of the API with Spectral and its OWASP rules, which are installed for that into a temporary
 * folder: they are larger than all that the gateway uses of npm for its own checks.
 */
import { execFileSync } from 'node:child_process'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openapiDocument } from '../src/rest/openapi/document.ts'
import { OPERATIONS } from '../src/rest/openapi/operations.ts'

const PACKAGES = ['@stoplight/spectral-cli@6.16.3', '@stoplight/spectral-owasp-ruleset@2.0.1']
const RULES = '.spectral.yaml'

const folder = await mkdtemp(join(tmpdir(), 'lint-openapi-'))
try {
  const document = openapiDocument(OPERATIONS, { publicUrl: 'https://gateway.example' })
  await writeFile(join(folder, 'openapi.json'), JSON.stringify(document, undefined, 2))
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  await copyFile(new URL(`../${RULES}`, import.meta.url), join(folder, RULES))
  const options = { cwd: folder, stdio: 'inherit' } as const
  execFileSync('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...PACKAGES], options)
  const spectral = join(folder, 'node_modules/@stoplight/spectral-cli/dist/index.js')
  execFileSync(process.execPath, [spectral, 'lint', 'openapi.json', '--ruleset', RULES], options)
} catch {
  process.exitCode = 1
} finally {
  await rm(folder, { recursive: true, force: true })
}
