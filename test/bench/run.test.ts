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

const SMALL = ['--calls', '20', '--warm-up', '20', '--rounds', '1', '--settling', '0', '--callers', '2']

interface Written {
  readonly measurements: readonly { readonly system: string; readonly callers: number }[]
  readonly rows: readonly { readonly system: string; readonly cpuUs: { readonly median: number } }[]
}

describeWhere(existsSync('/proc/self/stat'), '/proc')('the benchmark', () => {
  test('measures the server itself, the bare proxy and the gateway, prints a table, writes all figures and a chart, and fails where the gateway costs more than it may', async () => {
    await using folder = await temporaryDirectory()
    const json = join(folder.path, 'figures.json')
    const chart = join(folder.path, 'chart.svg')
    const small = [...SMALL, '--only', 'modern', '--json', json, '--chart', chart, '--at-most', '0.01']
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
    expect((await readFile(chart, 'utf8')).match(/<rect class="bar"/g)).toHaveLength(3)
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
  await expect(bench('lists', '--chart', 'lists.svg')).rejects.toMatchObject({
    code: 1,
    stderr: 'The scenario lists has no rows for a --chart.\n',
  })
})

describeWhere(existsSync('/proc/self/stat'), '/proc')('a scenario', () => {
  test('has each call wait for its progress messages, and compares what they cost', async () => {
    const { stdout } = await bench('calls', ...SMALL, '--only', 'modern,legacy', '--progress', '3')
    expect(stdout.match(/^(direct|bare-proxy|modern|legacy) +2 /gm)).toHaveLength(4)
  })

  test('has many clients come at the same time, by every kind of connection, and answers each', async () => {
    const { stdout } = await bench('clients', '--clients', '3', '--rounds', '1')
    expect(stdout.match(/^(modern|legacy|sse|websocket) +3 .* none$/gm)).toHaveLength(4)
  })
})
