/**
 * Runs all tests with coverage as CI does. At most MAX_FILES test files that failed run once more, alone: a machine that
 * is too busy at the wrong moment fails a test of a real process, a defect fails it twice. Every file that needed its
 * second run is named, so that it is mended. Arguments go to both runs.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterFirstRun, type TestResults } from './second-run.ts'

const folder = mkdtempSync(join(tmpdir(), 'tool-gateway-tests-'))
const results = join(folder, 'results.json')

/** Runs Jest. @returns its exit code and what it wrote to stderr */
async function jest(...args: string[]): Promise<{ code: number; stderr: string }> {
  const child = spawn('npm', ['test', '--', ...process.argv.slice(2), ...args], {
    stdio: ['ignore', 'inherit', 'pipe'],
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    process.stderr.write(chunk)
    stderr += chunk.toString()
  })
  const code = await new Promise<number>((resolve) => child.once('close', (status) => resolve(status ?? 1)))
  return { code, stderr }
}

const first = await jest('--coverage', '--json', `--outputFile=${results}`)
if (first.code !== 0) {
  const read = (): TestResults => JSON.parse(readFileSync(results, 'utf8')) as TestResults
  const again = afterFirstRun(first.stderr, read)
  const files = again.map((path) => relative(process.cwd(), path))
  if (files.length > 0) process.stdout.write(`\nRUN AGAIN, failed beside the others: ${files.join(', ')}\n`)
  // In one process nothing ends what a failed test has left open.
  const second = files.length > 0 && (await jest('--runInBand', '--forceExit', '--runTestsByPath', ...files))
  process.exitCode = second && second.code === 0 ? 0 : 1
  if (process.exitCode === 0) process.stdout.write(`PASSED ONLY ALONE: ${files.join(', ')}\n`)
}
rmSync(folder, { recursive: true, force: true })
