/**
 * Adds the optional packages of other platforms that npm left out of package-lock.json. npm writes only those that
 * the registry in use could serve, and `npm ci` then refuses the lockfile. Run it after every change of dependencies:
 * `node scripts/complete-lockfile.ts`; with `--check` it only says whether something is missing.
 */
import { readFileSync, writeFileSync } from 'node:fs'

interface LockedPackage {
  version?: string
  dev?: boolean
  optional?: boolean
  optionalDependencies?: Record<string, string>
}

const PATH = 'package-lock.json'
const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/
const lock = JSON.parse(readFileSync(PATH, 'utf8')) as { packages: Record<string, LockedPackage> }

const missing = Object.entries(lock.packages).flatMap(([path, parent]) =>
  Object.entries(parent.optionalDependencies ?? {})
    .filter(([name, version]) => EXACT.test(version) && !isLocked(path, name))
    .map(([name, version]) => ({ path: `node_modules/${name}`, version, isDev: parent.dev === true })),
)

function isLocked(parentPath: string, name: string): boolean {
  return `${parentPath}/node_modules/${name}` in lock.packages || `node_modules/${name}` in lock.packages
}

if (missing.length === 0) {
  process.stdout.write('package-lock.json is complete\n')
} else if (process.argv.includes('--check')) {
  process.stdout.write(
    `package-lock.json lacks ${missing.length} optional packages; run node scripts/complete-lockfile.ts\n`,
  )
  process.exitCode = 1
} else {
  for (const { path, version, isDev } of missing) {
    lock.packages[path] = { version, ...(isDev && { dev: true }), optional: true }
  }
  lock.packages = Object.fromEntries(Object.entries(lock.packages).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  writeFileSync(PATH, `${JSON.stringify(lock, undefined, 2)}\n`)
  process.stdout.write(`added ${missing.length} optional packages of other platforms\n`)
}
