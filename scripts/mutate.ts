/**
 * Mutation testing of what decides about access and what seals: Stryker, which is installed for that into a temporary
 * folder, changes the code in every way that it knows, and the tests have to fail each time. `node scripts/mutate.ts`
 * runs all targets, `node scripts/mutate.ts access` one. It ends with 1 when a change survives that is not known to be
 * without effect.
 */
import { spawnSync } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { z } from 'zod'

const STRYKER = '@stryker-mutator/core@10.1.1'

/** What is mutated, the tests that have to notice, and how many changes of it make no difference that a test could see. */
const TARGETS = {
  access: {
    mutate: ['src/domain/access-policy.ts', 'src/domain/access/rules.ts'],
    tests: ['test/domain/access-policy.test.ts', 'test/domain/access/explanation.test.ts'],
    withoutEffect: 5,
  },
  seals: {
    mutate: ['src/domain/seal/sealing.ts', 'src/domain/seal/key-ring.ts'],
    tests: ['test/domain/seal/sealing.test.ts'],
    withoutEffect: 5,
  },
} as const
type Target = keyof typeof TARGETS

const report = z.object({
  files: z.record(
    z.string(),
    z.object({
      mutants: z.array(
        z.object({
          status: z.string(),
          mutatorName: z.string(),
          replacement: z.string().optional(),
          location: z.object({ start: z.object({ line: z.number(), column: z.number() }) }),
        }),
      ),
    }),
  ),
})

const say = (text: string): boolean => process.stdout.write(`${text}\n`)
const wanted = process.argv.slice(2)
const folder = await mkdtemp(join(tmpdir(), 'mutate-'))
try {
  await writeFile(join(folder, 'package.json'), '{ "private": true }')
  run('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', STRYKER], folder)
  for (const name of Object.keys(TARGETS) as Target[])
    if (wanted.length === 0 || wanted.includes(name)) await mutate(name)
} finally {
  await rm(folder, { recursive: true, force: true })
}

async function mutate(name: Target): Promise<void> {
  const { mutate: files, tests, withoutEffect } = TARGETS[name]
  const found = join(folder, `${name}.json`)
  const settings = {
    testRunner: 'command',
    commandRunner: { command: `node scripts/tests-without-jest.ts ${tests.join(' ')}` },
    mutate: files,
    reporters: ['json'],
    jsonReporter: { fileName: found },
    coverageAnalysis: 'off',
    // There is nothing to rewrite in it, and rewriting needs a TypeScript of its own.
    tsconfigFile: 'tsconfig.none.json',
    concurrency: 2,
    timeoutMS: 60_000,
    tempDirName: '.mutated',
    cleanTempDir: 'always',
    plugins: [],
    checkers: [],
    allowConsoleColors: false,
  }
  const path = join(folder, `${name}.config.json`)
  await writeFile(path, JSON.stringify(settings))
  run(
    process.execPath,
    [join(folder, 'node_modules/@stryker-mutator/core/bin/stryker.js'), 'run', path],
    resolve('.'),
  )
  const { files: results } = report.parse(JSON.parse(await readFile(found, 'utf8')))
  const all = Object.entries(results).flatMap(([file, { mutants }]) =>
    mutants.map((each) => ({ file, ...each })),
  )
  const survived = all.filter(({ status }) => status === 'Survived' || status === 'NoCoverage')
  for (const { file, location, mutatorName, replacement = '' } of survived)
    say(`survived: ${file}:${location.start.line}:${location.start.column} ${mutatorName} ${replacement}`)
  say(
    `${name}: ${all.length} changes, ${survived.length} survived, ${withoutEffect} known to be without effect`,
  )
  if (survived.length > withoutEffect) process.exitCode = 1
}

function run(command: string, parameters: readonly string[], cwd: string): void {
  const { status } = spawnSync(command, parameters, { cwd, stdio: 'inherit' })
  if (status !== 0) throw new Error(`${command} ended with ${status}`)
}
