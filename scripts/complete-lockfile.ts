/**
 * Completes the optional packages of other platforms in package-lock.json. npm leaves some of them out, and `npm ci`
 * then refuses the lockfile; and an entry that does not say which platform it is for is installed on all of them. What
 * is missing is asked of the registry. Run it after every change of dependencies: `node scripts/complete-lockfile.ts`;
 * with `--check` it only says what is missing.
 */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { promisify } from 'node:util'

interface LockedPackage {
  version?: string
  integrity?: string
  dev?: boolean
  optional?: boolean
  os?: string[]
  cpu?: string[]
  optionalDependencies?: Record<string, string>
}

interface PlatformPackage {
  path: string
  name: string
  version: string
  isDev: boolean
}

const LOCKFILE = 'package-lock.json'
const ASKED = ['dist.integrity', 'cpu', 'libc', 'license', 'os', 'engines']
const AT_ONCE = 8
// The packages of single platforms are what others name by an exact version.
const EXACT = /^\d+\.\d+\.\d+(-[\w.]+)?$/
const run = promisify(execFile)
const lock = JSON.parse(readFileSync(LOCKFILE, 'utf8')) as { packages: Record<string, LockedPackage> }

const incomplete = Object.entries(lock.packages)
  .flatMap(([parentPath, parent]) =>
    Object.entries(parent.optionalDependencies ?? {})
      .filter(([, version]) => EXACT.test(version))
      .map(([name, version]): PlatformPackage => {
        const path = [`${parentPath}/node_modules/${name}`, `node_modules/${name}`].find(
          (at) => at in lock.packages,
        )
        return { path: path ?? `node_modules/${name}`, name, version, isDev: parent.dev === true }
      }),
  )
  .filter(({ path }) => !isComplete(lock.packages[path]))

function isComplete(entry: LockedPackage | undefined): boolean {
  return entry?.integrity !== undefined && (entry.os ?? entry.cpu) !== undefined
}

async function complete({ path, name, version, isDev }: PlatformPackage): Promise<void> {
  const { stdout } = await run('npm', ['view', `${name}@${version}`, ...ASKED, '--json'])
  const { 'dist.integrity': integrity, ...said } = JSON.parse(stdout) as Record<string, unknown>
  lock.packages[path] = {
    version,
    integrity,
    ...said,
    ...(isDev && { dev: true }),
    optional: true,
  } as LockedPackage
  if (!isComplete(lock.packages[path])) {
    throw new Error(`The registry does not say which platform ${name}@${version} is for`)
  }
}

if (incomplete.length === 0) {
  process.stdout.write('package-lock.json is complete\n')
} else if (process.argv.includes('--check')) {
  const names = incomplete.map(({ name, version }) => `${name}@${version}`)
  process.stdout.write(
    `package-lock.json does not say which platform these are for; run node scripts/complete-lockfile.ts: ${names.join(' ')}\n`,
  )
  process.exitCode = 1
} else {
  for (let start = 0; start < incomplete.length; start += AT_ONCE) {
    await Promise.all(incomplete.slice(start, start + AT_ONCE).map(complete))
  }
  lock.packages = Object.fromEntries(
    Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en')),
  )
  writeFileSync(LOCKFILE, `${JSON.stringify(lock, undefined, 2)}\n`)
  process.stdout.write(`completed ${incomplete.length} optional packages of other platforms\n`)
}
