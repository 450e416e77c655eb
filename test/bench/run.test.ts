import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from '@jest/globals'
import { describeWhere } from '../support/describe-where.ts'
import { temporaryDirectory } from '../support/temporary-directory.ts'

const run = promisify(execFile)
const { NODE_OPTIONS: _options, JEST_WORKER_ID: _worker, NODE_ENV: _env, ...env } = process.env

function bench(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  return run(process.execPath, ['bench/run.ts', ...args], { env })
}

interface Written {
  readonly measurements: readonly { readonly system: string; readonly callers: number }[]
  readonly rows: readonly { readonly system: string; readonly cpuUs: { readonly median: number } }[]
}

describeWhere(existsSync('/proc/self/stat'), '/proc')('the benchmark', () => {
  test('measures the server itself, the bare proxy and the gateway, prints a table, writes all figures, and fails where the gateway costs more than it may', async () => {
    await using folder = await temporaryDirectory()
    const json = join(folder.path, 'figures.json')
    const small = [
      '--calls',
      '20',
      '--warm-up',
      '20',
      '--rounds',
      '1',
      '--callers',
      '2',
      '--only',
      'modern',
      '--json',
      json,
      '--at-most',
      '0.01',
    ]
    const failure: unknown = await bench(...small).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 1 })
    const { stdout, stderr } = failure as { stdout: string; stderr: string }
    expect(stderr).toMatch(/\nmodern with 2 callers: \d+\.\d+ times the bare proxy\n$/)

    expect(stdout).toMatch(/load average at the start \d/)
    expect(stdout.match(/^(direct|bare-proxy|modern) +2 /gm)).toHaveLength(3)
    expect(stderr).toContain('round 1 of 1, 2 callers, modern: ')
    const { measurements, rows } = JSON.parse(await readFile(json, 'utf8')) as Written
    expect(measurements.map(({ system, callers }) => [system, callers])).toEqual([
      ['direct', 2],
      ['bare-proxy', 2],
      ['modern', 2],
    ])
    for (const { cpuUs } of rows) expect(cpuUs.median).toBeGreaterThan(0)
  })
})

test('a system that does not exist, or a number that is not one, ends it with a message', async () => {
  await expect(bench('--only', 'nothing')).rejects.toMatchObject({
    code: 1,
    stderr: 'There is no system nothing. See --help.\n',
  })
  await expect(bench('--calls', '0')).rejects.toMatchObject({
    code: 1,
    stderr: '--calls has to be a positive integer: 0\n',
  })
})
