/**
 * Runs test files in this process, without what Jest does for many: `node scripts/tests-without-jest.ts FILE…`. For
 * mutation testing, which runs a few small ones a hundred times. Ends with 1 when a test fails.
 */
import { createRequire, registerHooks } from 'node:module'
import { resolve } from 'node:path'
import { format } from 'node:util'
import { pathToFileURL } from 'node:url'

type Work = (...values: unknown[]) => unknown

const tests: { readonly name: string; readonly run: () => unknown }[] = []
const path: string[] = []

function test(name: string, run: Work): void {
  tests.push({ name: [...path, name].join(' › '), run: () => run() })
}

function describe(name: string, make: Work): void {
  path.push(name)
  make()
  path.pop()
}

/** `test.each` and `describe.each`, of rows in lists. */
const each =
  (declare: (name: string, run: Work) => void) =>
  (rows: readonly unknown[]) =>
  (name: string, run: Work): void => {
    for (const row of rows) {
      const values = Array.isArray(row) ? (row as unknown[]) : [row]
      declare(format(name, ...values), () => run(...values))
    }
  }

const jest = createRequire(createRequire(import.meta.url).resolve('jest'))
const { expect } = createRequire(jest.resolve('@jest/core'))('expect') as { expect: unknown }
Object.assign(globalThis, {
  jestGlobals: {
    expect,
    test: Object.assign(test, { each: each(test) }),
    describe: Object.assign(describe, { each: each(describe) }),
  },
})

const GLOBALS = 'data:text/javascript,export const { expect, test, describe } = globalThis.jestGlobals'
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === '@jest/globals' ? { url: GLOBALS, shortCircuit: true } : next(specifier, context),
})

for (const file of process.argv.slice(2)) await import(pathToFileURL(resolve(file)).href)
for (const { name, run } of tests) {
  try {
    await run()
  } catch (error) {
    process.stdout.write(`failed: ${name}\n${String(error)}\n`)
    process.exit(1)
  }
}
process.stdout.write(`${tests.length} tests passed\n`)
if (tests.length === 0) process.exitCode = 1
