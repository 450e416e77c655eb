/**
 * Writes the software bill of materials of what runs (CycloneDX, JSON) into the file that is given, `dist/sbom.cdx.json` by
 * default: every package of the lockfile but those for development, with digest and licence. Fails if one is missing.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

interface Bom {
  readonly metadata: { readonly component: Record<string, unknown> }
  components: readonly { readonly 'bom-ref': string; readonly hashes?: readonly unknown[] }[]
  dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[]
}
interface Locked {
  readonly name?: string
  readonly version?: string
  readonly dev?: boolean
}

const path = process.argv[2] ?? 'dist/sbom.cdx.json'
const read = (file: string): unknown => JSON.parse(readFileSync(file, 'utf8'))

/** `name@version` of the packages that run. */
function running(): Set<string> {
  const { packages } = read('package-lock.json') as { packages: Readonly<Record<string, Locked>> }
  const entries = Object.entries(packages).filter(([at, { dev }]) => at !== '' && dev !== true)
  return new Set(
    entries.map(
      ([at, { name, version }]) => `${name ?? at.slice(at.lastIndexOf('node_modules/') + 13)}@${version}`,
    ),
  )
}

const args = ['sbom', '--sbom-format', 'cyclonedx', '--sbom-type', 'application', '--package-lock-only']
const { stdout, stderr, status } = spawnSync('npm', args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
if (status !== 0) throw new Error(`npm sbom failed: ${stderr}`)
const bom = JSON.parse(stdout) as Bom
// Not by its `--omit dev`, which leaves out packages that run where others for development need them as well.
const wanted = running()
bom.components = bom.components.filter((component) => wanted.has(component['bom-ref']))
const listed = new Set(bom.components.map((component) => component['bom-ref']))
const missing = [...wanted].filter((each) => !listed.has(each))
if (missing.length > 0) throw new Error(`the bill of materials lacks ${missing.join(', ')}`)
const { name, version } = read('package.json') as { name: string; version: string }
bom.dependencies = bom.dependencies
  .filter(({ ref }) => wanted.has(ref) || ref === `${name}@${version}`)
  .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((each) => wanted.has(each)) }))
// npm takes the name of the folder.
bom.metadata.component['name'] = name
mkdirSync(dirname(path), { recursive: true })
writeFileSync(path, `${JSON.stringify(bom, undefined, 2)}\n`)
process.stdout.write(`${path}: ${bom.components.length} packages\n`)
