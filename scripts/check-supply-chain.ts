/**
 * Checks what is installed with the gateway: the lockfile by rules of the project and by lockfile-lint, and the packages
 * that run against the registry's advisories. What needs the network is skipped where there is none, and says so. With
 * `--report-advisories` those are only reported: they appear without a change here.
 */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Lockfile, lockfileProblems, type Manifest } from './lockfile-problems.ts'

const LINTER = 'lockfile-lint@5.0.1'
const LINT =
  'lockfile-lint --path package-lock.json --type npm --allowed-hosts npm --allowed-schemes https: --validate-integrity --validate-package-names'
const TIMEOUT_MS = 180_000
const IS_REPORT = process.argv.includes('--report-advisories')

const read = (path: string): unknown => JSON.parse(readFileSync(path, 'utf8'))
const say = (text: string): boolean => process.stdout.write(`${text}\n`)

/** Runs npm. @returns its output, and whether it succeeded */
function npm(...args: string[]): { isOk: boolean; out: string } {
  const { status, stdout, stderr } = spawnSync('npm', args, { encoding: 'utf8', timeout: TIMEOUT_MS })
  return { isOk: status === 0, out: `${stdout}\n${stderr}`.trim() }
}

function checkLockfile(): void {
  const problems = lockfileProblems(read('package-lock.json') as Lockfile, read('package.json') as Manifest)
  for (const problem of problems) say(`package-lock.json: ${problem}`)
  if (problems.length > 0) process.exitCode = 1
  else say('package-lock.json: every package has a digest and comes from the registry')
}

function lint(): void {
  const found = npm('exec', '--yes', `--package=${LINTER}`, '--', 'true')
  if (!found.isOk) return skip(LINTER, 'it could not be fetched')
  const { isOk, out } = npm('exec', '--yes', `--package=${LINTER}`, '--', ...LINT.split(' '))
  say(isOk ? `${LINTER}: no problem` : out)
  if (!isOk) process.exitCode = 1
}

function audit(): void {
  const { out } = npm('audit', '--omit=dev', '--package-lock-only', '--json')
  const report = reportIn(out)
  if (report === undefined) return skip('npm audit', 'the registry did not give its advisories')
  const { high = 0, critical = 0, total = 0 } = report
  say(`npm audit: ${total} advisories, of which ${high} are high and ${critical} critical`)
  if (high + critical > 0 && !IS_REPORT) process.exitCode = 1
}

/** The numbers of a report; undefined where there is none. */
function reportIn(out: string): Record<string, number> | undefined {
  try {
    const { metadata } = JSON.parse(out.slice(out.indexOf('{'), out.lastIndexOf('}') + 1)) as {
      metadata?: { vulnerabilities?: Record<string, number> }
    }
    return metadata?.vulnerabilities
  } catch {
    return undefined
  }
}

function skip(what: string, why: string): void {
  say(`SKIPPED ${what}: ${why}`)
}

checkLockfile()
lint()
audit()
