/**
 * Writes the software bill of materials of what runs (CycloneDX, JSON) into the file that is given, `dist/sbom.cdx.json` by
 * default: every package of the lockfile but those for development, with digest and licence.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

interface Bom {
  readonly metadata: { readonly component: Record<string, unknown> }
  readonly components: readonly { readonly hashes?: readonly unknown[] }[]
}

const path = process.argv[2] ?? 'dist/sbom.cdx.json'
const args = [
  'sbom',
  '--sbom-format',
  'cyclonedx',
  '--sbom-type',
  'application',
  '--omit',
  'dev',
  '--package-lock-only',
]
const { stdout, stderr, status } = spawnSync('npm', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
if (status !== 0) throw new Error(`npm sbom failed: ${stderr}`)
const bom = JSON.parse(stdout) as Bom
// npm takes the name of the folder.
const { name } = JSON.parse(readFileSync('package.json', 'utf8')) as { name: string }
bom.metadata.component['name'] = name
mkdirSync(dirname(path), { recursive: true })
writeFileSync(path, `${JSON.stringify(bom, undefined, 2)}\n`)
process.stdout.write(`${path}: ${bom.components.length} packages\n`)
