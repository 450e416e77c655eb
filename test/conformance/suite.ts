import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdir, readdir, readFile, rm } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'

/** What the official suite says about one thing that it looked at; ids may repeat within a scenario. */
export interface Check {
  readonly id: string
  readonly status: 'SUCCESS' | 'FAILURE' | 'WARNING' | 'SKIPPED' | 'INFO'
  readonly errorMessage?: string
  readonly description?: string
}

/** Scenario to its checks. */
export type Results = ReadonlyMap<string, readonly Check[]>

const PACKAGES = { '0.1.16': '@modelcontextprotocol/conformance', '0.2': 'conformance-next' } as const
export type SuiteVersion = keyof typeof PACKAGES

/**
 * Runs the official suite as a user does. Its exit code is not looked at, its results are.
 *
 * @param options.outputDir is emptied; gets a folder per scenario and the output of the suite as `output.txt`
 */
export async function runSuite(options: {
  version: SuiteVersion
  args: readonly string[]
  outputDir: string
  env?: Readonly<Record<string, string>>
  /** Gets what the suite has printed so far, each time that there is more. */
  onOutput?: (text: string) => void
}): Promise<Results> {
  await rm(options.outputDir, { recursive: true, force: true })
  await mkdir(options.outputDir, { recursive: true })
  const command = resolve('node_modules', PACKAGES[options.version], 'dist/index.js')
  const child = spawn(process.execPath, [command, ...options.args, '-o', options.outputDir], {
    env: { ...process.env, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = createWriteStream(join(options.outputDir, 'output.txt'))
  child.stdout.pipe(output, { end: false })
  child.stderr.pipe(output, { end: false })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => options.onOutput?.((text += chunk.toString())))
  await once(child, 'close')
  await new Promise<void>((done) => output.end(done))
  return readResults(options.outputDir)
}

/** Folders are named `[[authorization-]server-]<scenario>-<time>`; names of scenarios may have a slash. */
async function readResults(directory: string): Promise<Results> {
  const files = await readdir(directory, { recursive: true, withFileTypes: true })
  const results = files
    .filter(({ name }) => name === 'checks.json')
    .map(async ({ parentPath, name }) => {
      const scenario = relative(directory, parentPath)
        .replace(/^(?:authorization-)?server-(?=.*-\d{4}-)/, '')
        .replace(/-\d{4}-\d{2}-\d{2}T[\d-]+Z$/, '')
      return [scenario, JSON.parse(await readFile(join(parentPath, name), 'utf8')) as Check[]] as const
    })
  return new Map((await Promise.all(results)).toSorted(([a], [b]) => a.localeCompare(b)))
}
